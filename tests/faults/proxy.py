"""A server on loopback that stands before the sandbox: it passes requests on, or does to them what a test says.

Every address that it gives out is a port of its own, so that what one reading meets no other does, and so that what
is remembered of a host is remembered of one reading only.
"""

import asyncio
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

GONE = (OSError, EOFError)
"""What a line raises whose other end has hung up, which a client that has seen enough rightly does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, before it is written."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def written(status: int | str, body: bytes = b"", *headers: str, length: bool = True) -> bytes:
    """The bytes of an answer; its length is told unless a header or `length` says otherwise."""
    lines = [f"HTTP/1.1 {status}" if isinstance(status, str) else f"HTTP/1.1 {status} Told", *headers]
    if not any(header.lower().startswith("content-type:") for header in headers):
        lines.append("Content-Type: application/json")
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


class Line:
    """One connection of a client, with the request that it has sent."""

    def __init__(
        self, proxy: "FaultProxy", port: "Port", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._port = port
        self._reader = reader
        self._writer = writer
        self.head = b""
        self.body = b""

    @property
    def target(self) -> str:
        """Path and query, as they were sent."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    async def next_request(self) -> None:
        """Take in the next request. Raises one of `GONE` when there is none."""
        self.head = await self._reader.readuntil(b"\r\n\r\n")
        self.body = await self._reader.readexactly(_length(self.head))
        self._port.asked.append(self.target)
        self._port.heads.append(self.head)

    async def send(self, content: bytes) -> None:
        """Write all of it."""
        self._writer.write(content)
        await self._writer.drain()

    @property
    def elsewhere(self) -> str:
        """Address of a port that nobody has a reason to ask."""
        return f"http://127.0.0.1:{self._proxy.elsewhere.number}/moved"

    async def drip(self, content: bytes, every: float = 0.03) -> None:
        """Write it byte by byte, `every` seconds one."""
        for byte in content:
            await self.send(bytes([byte]))
            await asyncio.sleep(every)

    async def stay_silent(self) -> None:
        """Until the other end hangs up."""
        with suppress(*GONE):
            while await self._reader.read(65536):
                pass

    def send_below_tls(self, content: bytes) -> None:
        """Write past the encryption, so that what arrives is no TLS."""
        os.write(self._writer.get_extra_info("socket").fileno(), content)

    def reset(self) -> None:
        """Break the connection with a RST."""
        connection: socket.socket = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def honest(self) -> Answer:
        """What the sandbox answers to this request."""
        return await self._proxy.ask(self.head, self.body)

    async def close(self) -> None:
        """Hang up; over TLS without waiting long for the other end to agree."""
        self._writer.close()
        try:
            async with asyncio.timeout(0.5):
                await self._writer.wait_closed()
        except (*GONE, TimeoutError):
            self._writer.transport.abort()

    def abort(self) -> None:
        """Hang up at once."""
        self._writer.transport.abort()


Act = Callable[[Line], Awaitable[None]]
"""What is done to a request; the connection is closed afterwards, so an act that is cut off cuts its answer off."""


async def pass_on(line: Line) -> None:
    """Answer as the sandbox does."""
    answer = await line.honest()
    headers = [f"{name}: {value}" for name, value in answer.headers]
    await line.send(written(answer.status, answer.body, *headers))


@dataclass(slots=True)
class Port:
    """What stands behind one address, and what it was asked."""

    act: Act
    strikes: Callable[[str], bool]
    """Whether a request for this path and query meets the act; others are passed on."""
    at_connect: bool
    """Whether the act comes before any request is read."""
    number: int = 0
    connections: int = 0
    left: int = 0
    """How many of them are over."""
    asked: list[str] = field(default_factory=list[str])
    """Path and query of every request."""
    heads: list[bytes] = field(default_factory=list[bytes])
    """The same with its headers."""


class FaultProxy(AbstractContextManager["FaultProxy"]):
    """A running proxy inside a `with`; `upstream` is the address of the sandbox."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname, parts.port)
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._serving: set[asyncio.Task[None]] = set()  # a loop alone does not keep its tasks
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self.ports: list[Port] = []
        """All that were opened."""

    def __enter__(self) -> Self:
        self._thread.start()
        self.elsewhere = self.port()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def port(
        self,
        act: Act = pass_on,
        *,
        strikes: Callable[[str], bool] = lambda _: True,
        at_connect: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> Port:
        """Open a port whose requests meet `act` where `strikes` says so."""
        port = Port(act, strikes, at_connect)
        opened = asyncio.run_coroutine_threadsafe(self._open(port, tls), self._loop).result(10)
        port.number = opened.sockets[0].getsockname()[1]
        self.ports.append(port)
        return port

    def hold(self, seconds: float) -> None:
        """Do nothing for so long; what comes meanwhile is found all at once."""
        self._loop.call_soon_threadsafe(time.sleep, seconds)

    async def ask(self, head: bytes, body: bytes) -> Answer:
        """What the sandbox answers to these bytes."""
        reader, writer = await asyncio.open_connection(*self._upstream)
        try:
            writer.write(head[:-2] + b"Connection: close\r\n\r\n" + body)
            await writer.drain()
            told = await reader.readuntil(b"\r\n\r\n")
            content = await reader.readexactly(_length(told))
        finally:
            writer.close()
            with suppress(*GONE):
                await writer.wait_closed()
        status, *lines = told.decode("latin-1").strip().split("\r\n")
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        kept = tuple((name, value) for name, value in headers if name.lower() not in _OF_ONE_CONNECTION)
        return Answer(int(status.split(" ")[1]), kept, content)

    async def _open(self, port: Port, tls: ssl.SSLContext | None) -> asyncio.Server:
        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line = Line(self, port, reader, writer)
            with kept(self._serving):
                try:
                    await self._serve(port, line)
                except asyncio.CancelledError:
                    line.abort()  # the proxy stops; the streams of asyncio would report it as a failure

        server = await asyncio.start_server(meet, "127.0.0.1", 0, ssl=tls, limit=2**24)
        self._servers.append(server)
        return server

    async def _serve(self, port: Port, line: Line) -> None:
        port.connections += 1
        try:
            if port.at_connect:
                await port.act(line)
                return
            while True:
                await line.next_request()
                if port.strikes(line.target):
                    await port.act(line)
                    return
                await pass_on(line)
        except GONE:
            return
        finally:
            port.left += 1
            await line.close()

    async def _stop(self) -> None:
        await stop_all(*self._servers)


@contextmanager
def kept(tasks: set[asyncio.Task[None]]) -> Generator[None]:
    """Hold on to the task that runs, for so long."""
    task = asyncio.current_task()
    assert task is not None
    tasks.add(task)
    try:
        yield
    finally:
        tasks.discard(task)


async def stop_all(*servers: asyncio.Server) -> None:
    """Close the servers and end every other task of this loop, those too that still greet a client."""
    loop = asyncio.get_running_loop()
    for server in servers:
        for listening in server.sockets:
            loop.remove_reader(listening)
    # A connection that was just accepted belongs to a task that has not begun, and asyncio drops it unclosed when its
    # server closes before, or when the task is cancelled then.
    await _a_few_rounds()
    for server in servers:
        server.close()
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await _a_few_rounds()


async def _a_few_rounds() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


_OF_ONE_CONNECTION = ("content-length", "connection", "transfer-encoding")


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
