"""What several test modules use: the fixture cases, and a server that replays their answers over loopback HTTP."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec

from accountview import conformance
from accountview.conformance import Exchange, find
from accountview.conformance import StoredAnswer as StoredAnswer
from accountview.plan import Reading

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "tests" / "fixtures"


@dataclass(frozen=True)
class Case:
    """One folder of fixtures."""

    venue: str
    name: str

    @property
    def folder(self) -> Path:
        return FIXTURES / self.venue / self.name

    @property
    def exchange(self) -> Exchange:
        return msgspec.json.decode((self.folder / "exchange.json").read_bytes(), type=Exchange)

    @property
    def expected(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads((self.folder / "account.json").read_text()))

    @property
    def options(self) -> dict[str, Any]:
        shared = cast("dict[str, Any]", json.loads((FIXTURES / self.venue / "connect.json").read_text()))
        return shared | self.exchange.options

    def __str__(self) -> str:
        return f"{self.venue}/{self.name}"


def venues() -> list[str]:
    """The venues that have fixtures."""
    return sorted(folder.name for folder in FIXTURES.iterdir() if folder.is_dir())


def cases(venue: str | None = None) -> list[Case]:
    """All cases, of one venue or of all."""
    return [
        Case(name, folder.name)
        for name in ([venue] if venue else venues())
        for folder in sorted((FIXTURES / name).iterdir())
        if folder.is_dir()
    ]


def read_stored(case: Case, answers: list[StoredAnswer]) -> Reading:
    """Read a case over other answers, without a network: for tests that read thousands of times."""
    return conformance.read(case.venue, case.options, answers)


class ReplayServer:
    """Answers `/<key>/<path>` with what was stored under the key, and remembers what it was asked."""

    def __init__(self) -> None:
        self.exchanges: dict[str, list[StoredAnswer]] = {}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        replay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                replay.asked.append((self.command, self.path, dict(self.headers.items()), body))
                stored = replay.find(self.command, self.path)
                content = stored.content
                self.send_response(stored.status)
                headers = {"Content-Type": "application/json"} | stored.headers
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                try:
                    self.end_headers()
                    self.wfile.write(content)
                except ConnectionError:
                    return  # the client gave up on this call because the one beside it failed

            do_GET = do_POST = do_PUT = do_DELETE = handle_any

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def find(self, method: str, path: str) -> StoredAnswer:
        parts = urlsplit(path)
        key, _, rest = parts.path.removeprefix("/").partition("/")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return find(self.exchanges[key], method, f"/{rest}", query)

    def serve(self, key: str, answers: list[StoredAnswer]) -> str:
        """Store answers; returns the base URL that replays them."""
        self.exchanges[key] = answers
        return f"http://127.0.0.1:{self._server.server_port}/{key}"

    @contextmanager
    def running(self) -> Generator["ReplayServer"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


def refuse(reason: str) -> NoReturn:
    """A failure that says what to do."""
    raise AssertionError(reason)
