"""52 ways to fail × every venue × both clients: each ends in a typed outcome, and nothing that is shown is untrue.

Each case is read through the real client over loopback: the fault proxy stands before the sandbox. Every form of the
kind meets all requests of a reading; its first form meets, in one more reading, only a part of them.
"""

import asyncio
import gc
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest
from faults import certificates
from faults.judging import Seen, errors, untruths
from faults.kinds import KINDS, NO_SUCH_HOST, Form, Kind
from faults.proxy import FaultProxy, pass_on

import accountview as av
from accountview.accounts_file import Entry
from accountview.client import AsyncClient, Client
from accountview.network import retry
from accountview.plan import Reading
from accountview.sandbox import Sandbox
from accountview.venues import open_adapter
from accountview_clients import VENUES as ALL_VENUES

HANGS = 20.0
"""Seconds beyond its timeout after which a reading counts as hung; generous, for the machine may be busy."""


@dataclass(frozen=True)
class Subject:
    """What is read of a venue."""

    venue: str
    label: str
    """Of the sandbox's account, when every request meets the fault."""
    part_label: str
    """The same when only a part of them does."""
    part: Callable[[str], bool]
    """Which part, by path and query."""


def always(_: str) -> bool:
    """Every request meets the fault."""
    return True


SUBJECTS = (
    Subject("arcus", "arcus-main", "arcus-all", lambda target: "accountIndex=1" in target or "/1/" in target),
    Subject("bfx", "bfx-main", "bfx-main", lambda target: "/positions" in target),
    Subject("rabbitx", "rabbitx-main", "rabbitx-main", lambda target: "/positions" in target),
    Subject("tread", "tread", "tread", lambda target: "balances" in target),
    Subject("zkx", "zkx-main", "zkx-main", always),
)
VENUES = {subject.venue: subject for subject in SUBJECTS}
WAYS = ("sync", "async")
HONEST = Form("honest")


@dataclass(frozen=True)
class Task:
    """One reading that is to be made."""

    subject: Subject
    form: Form
    part: bool
    options: dict[str, Any]

    def read(self) -> Reading:
        with Client(open_adapter(self.subject.venue, self.options)) as client:
            return client.read()

    async def aread(self) -> Reading:
        async with AsyncClient(open_adapter(self.subject.venue, self.options)) as client:
            return await client.read()

    def seen(self, started: float, ended: Reading | BaseException) -> Seen:
        return Seen(self.form.name, self.part, time.monotonic() - started, ended)


class Matrix:
    """Makes all readings of a kind at once, when the first of its cases asks; each stands alone at its own port."""

    def __init__(self, sandbox: Sandbox, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self.entries = {entry.label: entry for entry in sandbox.all_entries}
        self._seen: dict[Kind, dict[tuple[str, str], list[Seen]]] = {}
        self.honest = {
            label: self._task(subject, HONEST, part=label != subject.label, timeout=20.0).read()
            for subject in SUBJECTS
            for label in {subject.label, subject.part_label}
        }

    def seen(self, kind: Kind, venue: str, way: str) -> list[Seen]:
        """How the readings of a case ended."""
        if kind not in self._seen:
            self._seen[kind] = self._read(kind)
        return self._seen[kind][venue, way]

    def entry(self, label: str, kind: Kind | None) -> Entry:
        """An account whose every request meets a kind; honest without one."""
        own = self.entries[label]
        form, patience = (HONEST, 20.0) if kind is None else (kind.forms[0], kind.patience)
        return replace(own, options={**own.options, **self._settings(own.venue, form, always, patience)})

    def _task(self, subject: Subject, form: Form, *, part: bool, timeout: float) -> Task:
        strikes = subject.part if part else always
        own = self.entries[subject.part_label if part else subject.label]
        options = {**own.options, **self._settings(subject.venue, form, strikes, timeout)}
        return Task(subject, form, part, options)

    def _settings(
        self, venue: str, form: Form, strikes: Callable[[str], bool], timeout: float
    ) -> dict[str, Any]:
        if form.listens:
            tls = None if form.tls is None else form.tls()
            number = self.proxy.port(form.act, strikes=strikes, at_connect=form.at_connect, tls=tls).number
        else:
            number = free_port()
        scheme = "https" if form.tls is not None or form.host == NO_SUCH_HOST else "http"
        settings: dict[str, Any] = {
            "base_url": f"{scheme}://{form.host}:{number}/{venue}",
            "timeout": timeout,
        }
        return settings | {"trust_env": True} if form.tls is not None else settings

    def _read(self, kind: Kind) -> dict[tuple[str, str], list[Seen]]:
        def tasks(subject: Subject) -> list[Task]:
            made = [self._task(subject, form, part=False, timeout=kind.patience) for form in kind.forms]
            first = kind.forms[0]
            if first.act is not pass_on and not first.at_connect:
                made.append(self._task(subject, first, part=True, timeout=kind.patience))
            return made

        found: dict[tuple[str, str], list[Seen]] = {
            (subject.venue, way): [] for subject in SUBJECTS for way in WAYS
        }
        with ThreadPoolExecutor(max_workers=24) as threads:
            sync = [(task, threads.submit(_timed, task)) for subject in SUBJECTS for task in tasks(subject)]
            awaited = asyncio.run(_all([task for subject in SUBJECTS for task in tasks(subject)]))
            for task, future in sync:
                found[task.subject.venue, "sync"].append(future.result())
        for task, seen in awaited:
            found[task.subject.venue, "async"].append(seen)
        return found


def _timed(task: Task) -> Seen:
    started = time.monotonic()
    try:
        ended: Reading | BaseException = task.read()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is judged
        ended = error
    return task.seen(started, ended)


async def _all(tasks: list[Task]) -> list[tuple[Task, Seen]]:
    async def timed(task: Task) -> tuple[Task, Seen]:
        started = time.monotonic()
        try:
            ended: Reading | BaseException = await task.aread()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is judged
            ended = error
        return task, task.seen(started, ended)

    done = [timed(task) for task in tasks]
    results = await asyncio.gather(*done)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, left
    return list(results)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number: int = listener.getsockname()[1]
        return number


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """The readings, over a sandbox whose clock stands still, so that honest readings are equal."""
    now = time.time_ns()
    trusted = tmp_path_factory.mktemp("authority") / "authority.pem"
    certificates.authority().cert_pem.write_to_path(str(trusted))
    look_up = socket.getaddrinfo

    def nobody_is_asked(host: Any, *arguments: Any, **options: Any) -> Any:
        if host in (NO_SUCH_HOST, NO_SUCH_HOST.encode()):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *arguments, **options)

    with (
        pytest.MonkeyPatch.context() as patch,
        Sandbox(clock=lambda: now) as sandbox,
        FaultProxy(sandbox.url) as proxy,
    ):
        patch.setattr(socket, "getaddrinfo", nobody_is_asked)
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            patch.delenv(name, raising=False)
        patch.setenv("SSL_CERT_FILE", str(trusted))
        patch.setattr(retry, "BASE", 0.05)  # as often as ever, and sooner
        yield Matrix(sandbox, proxy)


def test_every_kind_meets_every_venue() -> None:
    assert len(KINDS) == len({kind.code for kind in KINDS}) == 52
    assert tuple(VENUES) == ALL_VENUES


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_a_fault_ends_in_a_typed_outcome(kind: Kind, venue: str, way: str, matrix: Matrix) -> None:
    subject = VENUES[venue]
    for seen in matrix.seen(kind, venue, way):
        told = f"{kind}: {seen.form}{' in part' * seen.part}, after {seen.seconds:.2f} s: {seen.ended!r}"
        honest = matrix.honest[subject.part_label if seen.part else subject.label]
        assert seen.seconds < kind.patience + HANGS, told
        problems = list(untruths(seen, honest, venue, may_show=kind.shows or seen.part, changes=kind.changes))
        assert not problems, f"{told}\n" + "\n".join(problems)
        kinds_of_error = {type(error).__name__ for error in errors(seen.ended)}
        assert kinds_of_error <= kind.errors, told


def test_no_redirect_is_followed(matrix: Matrix) -> None:
    for kind in KINDS:
        if "redirected" in kind.name:
            matrix.seen(kind, "bfx", "sync")

    assert matrix.proxy.elsewhere.connections == 0
    assert not [path for port in matrix.proxy.ports for path in port.asked if "moved" in path]


def test_a_portfolio_loses_no_row_and_no_row_harms_another(matrix: Matrix) -> None:
    subjects = list(SUBJECTS)
    faulted = {
        f"{kind.code}-{number}": matrix.entry(subjects[number % len(subjects)].label, kind)
        for number, kind in enumerate(KINDS)
    }
    honest = {subject.label: matrix.entry(subject.label, None) for subject in SUBJECTS}
    entries = [replace(entry, label=label) for label, entry in (faulted | honest).items()]

    snapshot = av.Portfolio(entries).fetch()

    rows = [str(account.label) for account in snapshot.accounts] + [each.label for each in snapshot.failures]
    assert {row.partition("/")[0] for row in rows} == {entry.label for entry in entries}
    assert not snapshot.complete
    for label in honest:
        shown = [each for each in snapshot.accounts if str(each.label).partition("/")[0] == label]
        seen = Seen("honest", part=False, seconds=0.0, ended=Reading(tuple(shown)))
        true = matrix.honest[label]
        assert not list(untruths(seen, true, shown[0].venue, may_show=True, changes=False))


def test_a_proxy_that_stops_drops_no_connection_unclosed() -> None:
    with FaultProxy("http://127.0.0.1:9") as proxy:
        address = ("127.0.0.1", proxy.port().number)
        proxy.hold(0.2)
        # They are taken up in the same round in which the proxy stops.
        coming = [socket.create_connection(address) for _ in range(3)]
    for each in coming:
        each.close()
    gc.collect()  # pytest fails for what is found unclosed
