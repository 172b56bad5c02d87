"""Each stored exchange becomes exactly the view beside it, over real HTTP, sync and async."""

import json
from typing import Any

import pytest
from support import FIXTURES, Case, ReplayServer, cases, refuse, venues

import accountview as av
from accountview.client import AsyncClient, Client
from accountview.errors import VenueError
from accountview.plan import Owner, Reading
from accountview.venues import open_adapter

OWNER = Owner("golden", ("test",))
TIMES = ("requested_at", "received_at")


def read(case: Case, replay: ReplayServer) -> Reading:
    base_url = replay.serve(f"{case.venue}--{case.name}", case.exchange.answers)
    with Client(open_adapter(case.venue, case.options | {"base_url": base_url}), OWNER) as client:
        try:
            return client.read()
        except VenueError as error:
            return Reading(failures=(error,))


async def read_async(case: Case, replay: ReplayServer) -> Reading:
    base_url = replay.serve(f"{case.venue}--{case.name}", case.exchange.answers)
    async with AsyncClient(open_adapter(case.venue, case.options | {"base_url": base_url}), OWNER) as client:
        try:
            return await client.read()
        except VenueError as error:
            return Reading(failures=(error,))


def document(reading: Reading) -> dict[str, Any]:
    """The reading as JSON without the two times of our own, which no fixture can know."""
    accounts = [account.to_dict() for account in reading.accounts]
    for account in accounts:
        assert account["requested_at"] <= account["received_at"]
        for name in TIMES:
            del account[name]
    return {"accounts": accounts, "failures": [failure(error) for error in reading.failures]}


def failure(error: VenueError) -> dict[str, Any]:
    told = {name: getattr(error, name) for name in ("venue", "account", "operation", "status", "retryable")}
    details = {name: value for name, value in vars(error).items() if name in ("retry_after", "code", "path")}
    return {"error": type(error).__name__, "message": str(error)} | told | details


@pytest.mark.parametrize("case", cases(), ids=str)
def test_the_exchange_becomes_the_view(
    case: Case, replay: ReplayServer, request: pytest.FixtureRequest
) -> None:
    found = document(read(case, replay))

    path = case.folder / "account.json"
    if request.config.getoption("--update-golden"):
        path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    elif not path.exists():
        refuse(f"{case}: no account.json; run pytest --update-golden and read what it wrote")
    assert found == case.expected


@pytest.mark.parametrize("case", cases(), ids=str)
async def test_async_reads_the_same(case: Case, replay: ReplayServer) -> None:
    assert document(await read_async(case, replay)) == case.expected


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_view_survives_its_json_form(case: Case) -> None:
    for expected in case.expected["accounts"]:
        moments = dict.fromkeys(TIMES, "2026-01-02T03:04:05.000000Z")
        account = av.Account.from_dict(expected | moments)

        assert account.to_dict() == expected | moments
        assert av.Account.from_json(account.to_json()) == account


@pytest.mark.parametrize("venue", venues())
def test_every_folder_is_whole(venue: str) -> None:
    for case in cases(venue):
        names = {path.name for path in case.folder.iterdir()}
        assert names == {"exchange.json", "account.json", "source.md"}, f"{case} holds {names}"
        origin = (case.folder / "source.md").read_text().partition(":")[0]
        assert origin in ("seed", "documented", "captured", "constructed"), (
            f"{case}: source.md says no origin"
        )
    others = {path.name for path in (FIXTURES / venue).iterdir() if path.is_file()}
    assert others == {"connect.json", "scenarios.json"}
