"""The example of the README, run as it is written."""

import re
from functools import partial
from pathlib import Path

import pytest
from support import ROOT

import accountview as av
from accountview.testing import running_sandbox

pytestmark = pytest.mark.repository


def test_the_example_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    with running_sandbox() as sandbox:
        file = tmp_path / "accounts.toml"
        sandbox.write_accounts(file)
        file.write_text(file.read_text().replace("[accounts.bfx-main]", "[accounts.desk-one]"))
        monkeypatch.chdir(tmp_path)
        credentials = next(entry.options for entry in sandbox.entries if entry.venue == "bfx")
        connect = partial(av.connect, base_url=sandbox.base_url("bfx"))
        monkeypatch.setattr(av, "connect", connect)
        key, secret = credentials["api_key"], credentials["api_secret"]

        exec(example, {"key": key, "secret": secret})  # noqa: S102 - the README's own text

    printed = capsys.readouterr().out
    assert "USDB" in printed
    assert "Account(label='desk-one'" in printed
    assert "formula: maintenance_margin_rate × notional" in printed
