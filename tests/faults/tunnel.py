"""A proxy that understands CONNECT and nothing else, and keeps every byte that it is shown."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from faults.proxy import GONE, kept, stop_all


@dataclass
class Tunnel:
    """What the proxy was asked and shown."""

    port: int
    drips: bool
    """Whether what comes back is passed on byte by byte, as slowly as nobody waits for."""
    answer: bytes
    """What it answers to CONNECT. It opens the tunnel when that is a 200; empty means that it stays silent."""
    heads: list[bytes] = field(default_factory=list[bytes])
    """The requests, one for each connection."""
    passed: bytearray = field(default_factory=bytearray)
    """What clients sent into the tunnel."""


OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@contextmanager
def tunnel(
    answer: bytes = OPENED, *, tls: ssl.SSLContext | None = None, drips: bool = False
) -> Generator[Tunnel]:
    """A running one; with `tls` it is spoken to over TLS."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="tunnel", daemon=True)
    listener = socket.create_server(("127.0.0.1", 0))
    serving: set[asyncio.Task[None]] = set()
    seen = Tunnel(listener.getsockname()[1], drips, answer)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with kept(serving):
            try:
                await _serve(seen, reader, writer)
            except (*GONE, asyncio.CancelledError):
                return
            finally:
                writer.transport.abort()

    thread.start()
    server = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(meet, sock=listener, ssl=tls), loop
    ).result(10)
    try:
        yield seen
    finally:
        asyncio.run_coroutine_threadsafe(stop_all(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(seen: Tunnel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    seen.heads.append(head)
    method, target, _ = head.split(b" ", 2)
    if method != b"CONNECT" or not seen.answer:
        await reader.read()
        return
    writer.write(seen.answer)
    await writer.drain()
    if not seen.answer.startswith(b"HTTP/1.1 200"):
        return
    host, _, port = target.decode().rpartition(":")
    inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
    try:
        back = asyncio.create_task(_copy(inner_reader, writer, bytearray(), drips=seen.drips))
        with suppress(*GONE):
            await _copy(reader, inner_writer, seen.passed)
        back.cancel()
        await asyncio.gather(back, return_exceptions=True)
    finally:
        inner_writer.transport.abort()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray, *, drips: bool = False
) -> None:
    while part := await reader.read(1 if drips else 65536):
        kept += part
        writer.write(part)
        await writer.drain()
        if drips:
            await asyncio.sleep(0.1)
