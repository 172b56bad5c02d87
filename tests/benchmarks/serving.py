"""Venues on loopback in a process of their own, so that what they take is not taken from who asks them.

It does as little as it can: the bytes of every answer are made before, and a request is known by its first line.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial


@contextmanager
def served(
    venues: Mapping[str, Mapping[str, bytes]], latency: float = 0.0, hangs: str | None = None
) -> Generator[dict[str, str]]:
    """Venue → its base URL, each on a port of its own.

    `venues` are the bodies by request, as in `GET /account`. An answer takes `latency` seconds; the venue that `hangs`
    takes requests and never answers.
    """
    told = {
        venue: None if venue == hangs else {request: body.decode() for request, body in bodies.items()}
        for venue, bodies in venues.items()
    }
    process = subprocess.Popen(
        [sys.executable, __file__, str(latency)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            process.stdin.write(json.dumps(told) + "\n")
            process.stdin.flush()
            ports = json.loads(process.stdout.readline())
            yield {venue: f"http://127.0.0.1:{port}" for venue, port in ports.items()}
        finally:
            process.terminate()


class _Line(asyncio.Protocol):
    """One connection; a request has no body."""

    def __init__(self, answers: Mapping[bytes, bytes] | None, latency: float) -> None:
        self._answers = answers
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            if self._answers is None:
                continue
            method, target = head.split(b" ", 2)[:2]
            answer = self._answers[method + b" " + target.partition(b"?")[0]]
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._transport.write, answer)
            else:
                self._transport.write(answer)


def _answer(body: str) -> bytes:
    content = body.encode()
    # As many headers as an answer through one of the usual networks has at least.
    head = (
        "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nConnection: keep-alive\r\nServer: loopback\r\n\r\n"
    )
    return head.encode() + content


async def _serve(told: Mapping[str, Mapping[str, str] | None], latency: float) -> None:
    loop = asyncio.get_running_loop()
    ports: dict[str, int] = {}
    for venue, bodies in told.items():
        answers = None
        if bodies is not None:
            answers = {request.encode(): _answer(body) for request, body in bodies.items()}
        server = await loop.create_server(partial(_Line, answers, latency), "127.0.0.1", 0, backlog=1024)
        ports[venue] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)  # noqa: T201 - who started this waits for it
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.stdin.readline()), float(sys.argv[1])))
