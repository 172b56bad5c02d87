"""Connections on httpcore, the engine of httpx: each ends at its deadline, and none is ever lost.

httpx gives every single read its own timeout, so that an answer that drips may take for ever; and its pool loses
connections for good when waiting calls are cancelled (encode/httpcore#1093). Here a deadline holds for whatever is
read and written, and a slot owns one connection and is used by one request at a time: who gets no further than half
of an answer throws that connection away, and the slot is as good as new.
"""

import asyncio
import logging
import os
import ssl
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, closing, contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar, final

import httpcore

from accountview.deadline import Deadline
from accountview.errors import UsageError
from accountview.network import lookup

T = TypeVar("T")

KEEP_ALIVE = 5.0
"""Seconds that an unused connection is kept."""
PATIENCE = 2.0
"""Seconds after which the next address of a host is tried: none may take all the time that there is."""

FAILURES = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)
"""What goes wrong between here and a venue."""

BEFORE_SENDING = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)
"""Those of them after which nothing of the request can have reached the venue."""


def no_deadline() -> Deadline:
    """For a slot that nobody uses yet: already reached, so that nothing could wait in it."""
    return Deadline(0)


_ours: ContextVar[bool] = ContextVar("ours", default=False)


def _not_ours(_record: logging.LogRecord) -> bool:
    return not _ours.get()


for _name in ("httpcore.connection", "httpcore.http11", "httpcore.proxy"):
    # httpcore would tell a log of every header of an answer, the tokens that a venue sets as cookies among them.
    logging.getLogger(_name).addFilter(_not_ours)


@contextmanager
def _unheard() -> Generator[None]:
    """What httpcore does meanwhile is told to no log."""
    _ours.set(True)
    try:
        yield
    finally:
        _ours.set(False)


# Streams that end at a deadline -----------------------------------------------------------------------------------


@final
class _Backend(httpcore.NetworkBackend):
    """Opens connections of which every wait ends at `deadline`, which whoever uses the slot sets."""

    def __init__(self) -> None:
        self.deadline = no_deadline()
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = _least(timeout, self.deadline, httpcore.ConnectTimeout)
        try:
            found = lookup.addresses(host, Deadline(left))
        except OSError:
            found = []
        for address, share in _shares(found, self.deadline):
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                stream = self._sockets.connect_tcp(address, port, share, local_address, socket_options or ())
                return _Stream(stream, self)
        raise httpcore.ConnectError("no address of the host can be reached")

    def sleep(self, seconds: float) -> None:
        time.sleep(_least(seconds, self.deadline, httpcore.ConnectTimeout))


@final
class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, backend: _Backend) -> None:
        self._stream = stream
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _least(timeout, self._backend.deadline, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _least(timeout, self._backend.deadline, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _least(timeout, self._backend.deadline, httpcore.ConnectTimeout)
        if self._stream.get_extra_info("ssl_object") is not None:
            return _InnerTls(self, ssl_context, server_hostname)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@final
class _InnerTls(httpcore.NetworkStream):
    """TLS inside of TLS, as through a proxy that is spoken to over TLS itself.

    httpcore has one too, and gives each piece of a record all of the timeout, so that a record may drip for ever.
    """

    def __init__(self, outer: _Stream, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._outer = outer
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        try:
            self._until_done(self._tls.do_handshake, None)
        except httpcore.TimeoutException as error:
            raise httpcore.ConnectTimeout("the deadline is reached") from error
        except (httpcore.NetworkError, ssl.SSLError) as error:
            raise httpcore.ConnectError("no TLS with the host") from error

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return self._until_done(lambda: self._tls.read(max_bytes), timeout)
        except ssl.SSLError as error:
            raise httpcore.ReadError("the connection broke") from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            while buffer:
                written = self._until_done(partial(self._tls.write, buffer), timeout)
                buffer = buffer[written:]
        except ssl.SSLError as error:
            raise httpcore.WriteError("the connection broke") from error

    def _until_done(self, step: Callable[[], T], timeout: float | None) -> T:
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self._outer.write(self._outgoing.read(), timeout)
                part = self._outer.read(_RECORD, timeout)
                if part:
                    self._incoming.write(part)
                else:
                    self._incoming.write_eof()
            else:
                self._outer.write(self._outgoing.read(), timeout)
                return done

    def close(self) -> None:
        self._outer.close()

    def get_extra_info(self, info: str) -> Any:
        return self._tls if info == "ssl_object" else self._outer.get_extra_info(info)


_RECORD = 16_384 + 256
"""Bytes that one record of TLS may have."""


@final
class _AsyncBackend(httpcore.AsyncNetworkBackend):
    """The same, awaited."""

    def __init__(self) -> None:
        self.deadline = no_deadline()
        self._sockets: Any = httpcore.AnyIOBackend()  # it is another class where anyio is not installed

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature; the deadline is what counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        left = _least(timeout, self.deadline, httpcore.ConnectTimeout)
        try:
            found = await lookup.addresses_async(host, Deadline(left))
        except OSError:
            found = []
        for address, share in _shares(found, self.deadline):
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                stream: httpcore.AsyncNetworkStream = await self._sockets.connect_tcp(
                    address, port, share, local_address, socket_options
                )
                return _AsyncStream(stream, self)
        raise httpcore.ConnectError("no address of the host can be reached")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(_least(seconds, self.deadline, httpcore.ConnectTimeout))


@final
class _AsyncStream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream, backend: _AsyncBackend) -> None:
        self._stream = stream
        self._backend = backend

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as above
        left = _least(timeout, self._backend.deadline, httpcore.ReadTimeout)
        try:
            return await self._stream.read(max_bytes, left)
        except ssl.SSLError as error:
            raise httpcore.ReadError("the connection broke") from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as above
        left = _least(timeout, self._backend.deadline, httpcore.WriteTimeout)
        try:
            await self._stream.write(buffer, left)
        except ssl.SSLError as error:
            raise httpcore.WriteError("the connection broke") from error

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> httpcore.AsyncNetworkStream:
        left = _least(timeout, self._backend.deadline, httpcore.ConnectTimeout)
        try:
            stream = await self._stream.start_tls(ssl_context, server_hostname, left)
        except BaseException:  # a cancellation above all: nobody else would close it
            await self._stream.aclose()
            raise
        return _AsyncStream(stream, self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _shares(addresses: Sequence[str], deadline: Deadline) -> Iterator[tuple[str, float]]:
    """The addresses to try, and the seconds that each may take."""
    for number, address in enumerate(addresses, 1):
        left = _least(None, deadline, httpcore.ConnectTimeout)
        yield address, left if number == len(addresses) else min(left, PATIENCE)


def _least(timeout: float | None, deadline: Deadline, too_late: type[httpcore.TimeoutException]) -> float:
    left = deadline.left
    if left <= 0:
        raise too_late("the deadline is reached")
    return left if timeout is None else min(timeout, left)


# Slots ------------------------------------------------------------------------------------------------------------


def _holds_more(connection: Any) -> bool:
    """Whether more came than the answer that was asked for; it would be taken for the answer to the next request."""
    try:
        # httpcore has no public word for it. Should it change, no connection is used twice.
        return bool(connection._connection._h11_state.trailing_data[0])  # noqa: SLF001
    except AttributeError:
        return True


@final
class Slot:
    """One connection, for one request at a time."""

    def __init__(self, tls: ssl.SSLContext, proxy: httpcore.Proxy | None) -> None:
        self._backend = _Backend()
        # It makes connections, straight or through a proxy, and never holds one: its search for a free one at every
        # request is what httpx spends a third of its time on.
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls, proxy=proxy, keepalive_expiry=KEEP_ALIVE, network_backend=self._backend
        )
        self._kept: httpcore.ConnectionInterface | None = None

    @contextmanager
    def exchange(
        self, request: httpcore.Request, deadline: Deadline, *, alone: bool = False
    ) -> Generator[httpcore.Response]:
        """The answer to a request, to be read before the deadline. Raises one of `FAILURES`.

        `alone`: on a connection that nothing was sent on before, and nothing is afterwards.
        """
        if alone or (self._kept is not None and _is_over(self._kept)):
            self.close()
        self._backend.deadline = deadline
        connection = self._kept or self._pool.create_connection(request.url.origin)
        self._kept = None  # until it is known that the answer was whole
        whole = False
        try:
            with _unheard(), closing(connection.handle_request(request)) as response:
                yield response
            whole = not alone and not _holds_more(connection)
        finally:
            if whole:
                self._kept = connection
            else:
                connection.close()

    def close(self) -> None:
        """Close the connection; another request opens another one."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()


@final
class AsyncSlot:
    """The same as `Slot`, awaited."""

    def __init__(self, tls: ssl.SSLContext, proxy: httpcore.Proxy | None) -> None:
        self._backend = _AsyncBackend()
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls, proxy=proxy, keepalive_expiry=KEEP_ALIVE, network_backend=self._backend
        )
        self._kept: httpcore.AsyncConnectionInterface | None = None

    @asynccontextmanager
    async def exchange(
        self, request: httpcore.Request, deadline: Deadline, *, alone: bool = False
    ) -> AsyncGenerator[httpcore.Response]:
        """The answer to a request, to be read before the deadline. Raises one of `FAILURES`.

        `alone`: on a connection that nothing was sent on before, and nothing is afterwards.
        """
        if alone or (self._kept is not None and _is_over(self._kept)):
            await self.close()
        self._backend.deadline = deadline
        connection = self._kept or self._pool.create_connection(request.url.origin)
        self._kept = None  # until it is known that the answer was whole
        whole = False
        try:
            with _unheard():
                async with aclosing(await connection.handle_async_request(request)) as response:
                    yield response
            whole = not alone and not _holds_more(connection)
        finally:
            if whole:
                self._kept = connection
            else:
                # Whatever state a cancellation left it in, it is given up as a whole.
                await connection.aclose()

    async def close(self) -> None:
        """Close the connection; another request opens another one."""
        kept, self._kept = self._kept, None
        if kept is not None:
            await kept.aclose()


def _is_over(connection: httpcore.ConnectionInterface | httpcore.AsyncConnectionInterface) -> bool:
    """Whether it cannot be used again: the venue has closed it, or it was unused for too long."""
    return connection.is_closed() or connection.has_expired()


class NoSlot(Exception):
    """All connections were in use until the deadline."""


@final
class Slots:
    """At most `size` connections to one venue, shared by threads; nobody waits for one longer than allowed."""

    def __init__(self, size: int, tls: ssl.SSLContext, proxy: httpcore.Proxy | None) -> None:
        self._size = size
        self._tls = tls
        self._proxy = proxy
        self._open()

    def _open(self) -> None:
        self._process = os.getpid()
        self._free = threading.BoundedSemaphore(self._size)
        self._idle: list[Slot] = []

    @contextmanager
    def slot(self, deadline: Deadline) -> Generator[Slot]:
        """A slot that is ours for as long as the context is open. Raises NoSlot."""
        if self._process != os.getpid():
            # After a fork both processes hold the sockets: ours are left alone and never closed, for that would
            # end the other's sessions.
            _LEFT_TO_PARENT.append(self._idle)
            self._open()
        free, idle = self._free, self._idle
        if not free.acquire(timeout=max(deadline.left, 0)):
            raise NoSlot
        try:
            slot = _taken(idle) or Slot(self._tls, self._proxy)
            try:
                yield slot
            finally:
                idle.append(slot)
        finally:
            free.release()

    def close(self) -> None:
        """Close the connections that are not in use."""
        while slot := _taken(self._idle):
            slot.close()


def _taken(idle: list[Slot]) -> Slot | None:
    try:
        return idle.pop()  # nobody asks first whether there is one: another thread might take it meanwhile
    except IndexError:
        return None


_LEFT_TO_PARENT: list[list[Slot]] = []


@final
class AsyncSlots:
    """The same as `Slots`, for one event loop; whoever waits longest comes first."""

    def __init__(self, size: int, tls: ssl.SSLContext, proxy: httpcore.Proxy | None) -> None:
        self._tls = tls
        self._proxy = proxy
        self._free = asyncio.Semaphore(size)
        self._idle: list[AsyncSlot] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def slot(self, deadline: Deadline) -> AsyncGenerator[AsyncSlot]:
        """A slot that is ours for as long as the context is open. Raises NoSlot, and UsageError in another loop."""
        self._stay_in_loop()
        if self._free.locked():  # else nobody waits, and the clock is not asked
            try:
                async with asyncio.timeout(max(deadline.left, 0)):
                    await self._free.acquire()
            except TimeoutError:
                raise NoSlot from None
        else:
            await self._free.acquire()
        slot = self._idle.pop() if self._idle else AsyncSlot(self._tls, self._proxy)
        try:
            yield slot
        finally:
            self._idle.append(slot)
            self._free.release()

    async def close(self) -> None:
        """Close the connections that are not in use. Raises UsageError in another loop: only their own can."""
        if self._idle:
            self._stay_in_loop()
        while self._idle:
            await self._idle.pop().close()

    def _stay_in_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise UsageError("this client has been used in another event loop; open one in each")
        self._loop = loop
