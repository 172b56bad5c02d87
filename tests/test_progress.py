"""The bar on the terminal: there for who waits, never in a pipe, and gone when the reading is done."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.progress import Progress, TaskID

import accountview as av
from accountview.cli.progress import progress
from accountview.sandbox import Sandbox

pty = pytest.importorskip("pty", reason="a terminal of this kind is there on POSIX only")


def on_a_terminal(*arguments: str, piped: bool) -> tuple[str, bytes]:
    """What the command writes to a terminal, which is its stderr and, unless it is piped, its stdout; and the pipe."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "accountview", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if piped else theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
    ) as process:
        os.close(theirs)
        written = bytearray()
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # how Linux tells that the other end is closed
                break
            if not part:
                break
            written += part
        out = b"" if process.stdout is None else process.stdout.read()
        process.wait(timeout=60)
    os.close(ours)
    return written.decode(), out


@pytest.mark.parametrize("piped", [False, True])
def test_a_bar_is_there_for_who_waits_at_a_terminal_only(tmp_path: Path, *, piped: bool) -> None:
    with Sandbox() as sandbox:
        sandbox.write_accounts(tmp_path / "accounts.toml")
        sandbox.fail("bfx", "getAccount", delay=2.5, times=2)
        terminal, out = on_a_terminal(
            "show", "--file", str(tmp_path / "accounts.toml"), *["--json"] * piped, piped=piped
        )
        entries = len(sandbox.entries)

    if piped:
        assert terminal == ""
        assert out.startswith(b'{"schema"')
    else:
        assert "reading" in terminal
        assert f"{entries - 2}/{entries}" in terminal  # all but the two of bfx
        # Transient: its line is cleared, and what stays is the table.
        assert "\x1b[2K" in terminal[terminal.rindex(f"/{entries}") :]
        assert "Totals by currency" in terminal


def test_nobody_is_told_anything_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(["a"]) as on_row:
        assert on_row is None
    assert capsys.readouterr() == ("", "")


def test_an_entry_counts_once_however_many_accounts_it_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    advanced: list[TaskID] = []

    def advance(_: Progress, task: TaskID) -> None:
        advanced.append(task)

    monkeypatch.setattr(Progress, "advance", advance)

    def row(label: str) -> av.Row:
        return av.Row(label=label, venue="tread", state="ok", account=None, failure=None)

    with progress(["a", "b"]) as on_row:
        assert on_row is not None
        for label in ("a/1", "a/2", "a", "elsewhere"):
            on_row(row(label))

    assert len(advanced) == 1
