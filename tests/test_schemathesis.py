"""schemathesis holds the sandbox against the specs: what it answers is what they say, whatever it is asked.

So a test that passes against the sandbox passes against something that keeps to the spec. Every check of schemathesis
is on, save those that a habit of the venue contradicts; the reason stands beside each, in `habits`.
"""

# schemathesis is typed in parts only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import importlib
import json
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files

import pytest
import schemathesis
from habits import NOW, Document, Habits
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.engine import events, from_schema

from accountview.sandbox import Sandbox, load_dialects

EXAMPLES = 50
"""Requests that are made up for each operation, beside the fixed ones that reach every boundary of its schema."""

VENUES = sorted(load_dialects())
"""The venues that the sandbox serves."""


def habits_of(venue: str) -> Habits:
    habits: Habits = importlib.import_module(f"habits.{venue}").HABITS
    return habits


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(clock=lambda: NOW * 1_000_000_000) as running:
        yield running


def run_against(venue: str, sandbox: Sandbox) -> tuple[Counter[str], list[str]]:
    """Runs all phases; how often each check was made, and what failed."""
    habits = habits_of(venue)
    [entry] = [each for each in sandbox.entries if each.label == habits.account]
    document: Document = json.loads(files("accountview_clients").joinpath(venue, "spec.json").read_bytes())
    auth = habits.auth(entry, f"/{venue}")
    habits.narrow(document, sandbox.base_url(venue), auth)
    config = schemathesis.Config.from_dict(
        {
            "base-url": sandbox.base_url(venue),
            "seed": 1,
            "generation": {
                "deterministic": True,
                "database": "none",
                "max-examples": EXAMPLES,
                "with-security-parameters": False,  # `auth` alone says who asks
            },
            "checks": {name: {"enabled": False} for name in habits.checks_off},
        }
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    schema.auth.set_from_requests(auth)
    made: Counter[str] = Counter()
    failed: list[str] = []
    # The engine itself: the plugin of schemathesis 4.32.5 does not work with pytest 9.2.
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished(recorder=recorder):
                checks = [check for each in recorder.checks.values() for check in each]
                made.update(check.name for check in checks)
                failed += [
                    f"{recorder.label}, {check.name}: {check.failure_info.failure}\n{check.failure_info.code_sample}"
                    for check in checks
                    if check.failure_info is not None
                ]
            case events.NonFatalError() | events.FatalError():
                failed.append(repr(event))
            case events.EngineFinished(failures=failures):
                failed += [repr(failure) for failure in failures]
            case _:
                pass
    return made, failed


@pytest.mark.parametrize("venue", VENUES)
def test_the_sandbox_keeps_to_the_spec(venue: str, sandbox: Sandbox) -> None:
    made, failed = run_against(venue, sandbox)
    assert not failed, "\n\n".join(failed)
    # Nothing is skipped unseen: each check that is on was made, many times.
    load_all_checks()
    on = {check.__name__ for check in CHECKS.get_all()} - set(habits_of(venue).checks_off)
    assert set(made) == on
    assert min(made.values()) >= EXAMPLES
