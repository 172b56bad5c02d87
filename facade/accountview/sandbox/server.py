"""The sandbox as a server: uvicorn in a thread, on loopback only."""

import json
import os
import re
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn

from accountview import spec
from accountview.accounts_file import Entry
from accountview.errors import UsageError
from accountview.sandbox.application import application, load_dialects
from accountview.sandbox.dialect import Clock
from accountview.sandbox.faults import Faults
from accountview.sandbox.schema import operations
from accountview.secret import Secret

_FIRST_LINE = "# Written by the accountview sandbox: demo accounts, no real credentials."


class Sandbox(AbstractContextManager["Sandbox"]):
    """A running sandbox inside a `with`. Every one starts with the same demo accounts and shares no state.

    Args:
        port: of 127.0.0.1; 0 takes one that is free.
        clock: nanoseconds since 1970; marks move with it, and signatures and tokens expire by it.

    Raises UsageError for a port that is none, and when it is entered for one that cannot be used.
    """

    def __init__(self, *, port: int = 0, clock: Clock = time.time_ns) -> None:
        if not 0 <= port <= 65535:
            raise UsageError(f"port is {port}; give one from 1 to 65535, or 0 for any that is free")
        self._asked_port = port
        self._dialects = load_dialects(clock)
        self._faults = Faults()
        self._port: int | None = None

    def __enter__(self) -> Self:
        try:
            listening = socket.create_server(("127.0.0.1", self._asked_port))
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"port {self._asked_port} cannot be used; is something running there?"
            ) from error
        # Head and body of an answer are two writes: without this the second waits 40 ms for an acknowledgement. asyncio
        # does it by itself only for sockets that it made.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # It listens already, so a client that comes before the server is up waits a moment and is not refused.
        self._port = listening.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                application(self._dialects, self._faults),
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, args=([listening],), name="accountview-sandbox", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._faults.close()
        self._server.should_exit = True
        self._thread.join()

    @property
    def url(self) -> str:
        """Address of the server; each venue is below it. Raises UsageError before it is entered."""
        if self._port is None:
            raise UsageError("the sandbox is not running: use it in a `with`")
        return f"http://127.0.0.1:{self._port}"

    def base_url(self, venue: str) -> str:
        """Address of one venue: `base_url` of its `connect`. Raises UsageError for a venue that is not served."""
        self._known(venue)
        return f"{self.url}/{venue}"

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The demo accounts as entries of an accounts file, for `Portfolio`."""
        return self._entries(all_accounts=False)

    @property
    def all_entries(self) -> tuple[Entry, ...]:
        """Every account, those too that no demonstration shows, such as one whose list of positions is cut."""
        return self._entries(all_accounts=True)

    def _entries(self, *, all_accounts: bool) -> tuple[Entry, ...]:
        return tuple(
            Entry(
                label=account.label,
                tags=account.tags,
                venue=venue,
                options={**account.options, "base_url": self.base_url(venue)},
            )
            for venue, dialect in self._dialects.items()
            for account in dialect.accounts
            if account.in_demo or all_accounts
        )

    def write_accounts(self, path: Path | str) -> None:
        """Write an accounts file that points here, and beside it a folder with one file for each secret.

        Raises UsageError when something else stands there, or it cannot be written.
        """
        path = Path(path)
        folder = path.with_name(f"{path.stem}.secrets")
        try:
            if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(
                _FIRST_LINE
            ):
                raise UsageError(f"{path} exists and was not written by the sandbox: name another file")
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text(self._accounts_text(folder), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {error.filename or path}: {error.strerror}") from error

    def fail(
        self,
        venue: str,
        operation: str,
        *,
        status: int | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        zeros: bool = False,
        times: int | None = 1,
    ) -> None:
        """Let the next answers to an operation fail: see `Faults.add`. Raises UsageError for an unknown operation."""
        self._known(venue)
        known = [each.name for each in operations(spec.load(venue))]
        if operation not in known:
            raise UsageError(f"{venue} has no operation {operation!r}; there are {', '.join(known)}")
        self._faults.add(
            venue,
            operation,
            status=status,
            body=body,
            headers=headers,
            delay=delay,
            zeros=zeros,
            times=times,
        )

    def recover(self) -> None:
        """Forget all faults: every answer is honest again."""
        self._faults.clear()

    def _known(self, venue: str) -> None:
        if venue not in self._dialects:
            raise UsageError(f"the sandbox serves no {venue!r}; there are {', '.join(self._dialects)}")

    def _accounts_text(self, folder: Path) -> str:
        lines = [_FIRST_LINE]
        for entry in self.entries:
            lines += ["", f"[accounts.{_key(entry.label)}]", f"venue = {_value(entry.venue)}"]
            if entry.tags:
                lines.append(f"tags = {_value(list(entry.tags))}")
            for name, value in entry.options.items():
                shown = value
                if isinstance(value, Secret):
                    secret = folder / f"{entry.label}.{name}"
                    _write_secret(secret, value)
                    shown = f"file:{folder.name}/{secret.name}"
                lines.append(f"{_key(name)} = {_value(shown)}")
        return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    # Texts, whole numbers, booleans and lists of them read the same in JSON and TOML.
    return json.dumps(value)


def _write_secret(path: Path, secret: Secret) -> None:
    # Gone first: a file that stands there could have wider rights, or be a link to somewhere else.
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(secret.reveal() + "\n")
