"""Keys by command: printed once, listed without their text, revoked by id."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imaml.cli import cli
from imaml.commands.database import open_store
from imaml.store import NotFound, utc_now


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of its own."""
    monkeypatch.delenv("IMAML_DATABASE_URL", raising=False)
    monkeypatch.setenv("IMAML_HOME", str(tmp_path))


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["keys", *words])


def test_a_key_alone_goes_to_the_output_and_opens_until_it_is_revoked() -> None:
    made = run("create", "--tenant", "acme", "--scopes", "predict, adapt")
    key = made.stdout.strip()
    assert (made.exit_code, made.stdout) == (0, f"{key}\n")
    assert key.startswith("imaml_")
    assert key not in made.stderr
    with open_store().reading() as t:
        found = t.keys.find(key)
    assert found is not None
    assert (found.tenant, found.scopes) == ("acme", ["adapt", "predict"])
    assert run("revoke", found.id).exit_code == 0
    with open_store().reading() as t:
        assert t.keys.find(key) is None


def test_lists_tell_everything_but_the_key() -> None:
    assert "no keys" in run("list").stdout
    assert json.loads(run("list", "--json").stdout) == []
    made = json.loads(run("create", "--tenant", "acme", "--scopes", "review", "--json").stdout)
    run("create", "--tenant", "other", "--scopes", "admin")
    [row] = json.loads(run("list", "--tenant", "acme", "--json").stdout)
    assert row == {name: value for name, value in made.items() if name != "key"}
    assert (row["scopes"], row["last_used_at"], row["revoked_at"]) == (["review"], None, None)
    table = run("list").stdout
    assert row["id"] in table
    assert made["key"].split("_")[2] not in table


@pytest.mark.parametrize(
    ("given", "span"),
    [
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("90d", timedelta(90)),
        ("2w", timedelta(14)),
    ],
)
def test_a_key_may_end_after_a_span(given: str, span: timedelta) -> None:
    made = json.loads(
        run("create", "--tenant", "acme", "--scopes", "predict", "--expires", given, "--json").stdout
    )
    ends = datetime.fromisoformat(made["expires_at"])
    assert abs(ends - utc_now() - span) < timedelta(minutes=1)


def test_a_key_may_end_at_a_date() -> None:
    made = run("create", "--tenant", "acme", "--scopes", "predict", "--expires", "2130-01-31", "--json")
    ends = datetime.fromisoformat(json.loads(made.stdout)["expires_at"])
    assert abs(ends.replace(tzinfo=None) - datetime(2130, 1, 31)) < timedelta(days=1)


@pytest.mark.parametrize("given", ["soon", "", "5", "-3d", "9999999999999w", "2130-13-01"])
def test_a_time_that_is_none_is_wrong_usage(given: str) -> None:
    refused = run("create", "--tenant", "acme", "--scopes", "predict", "--expires", given)
    assert (refused.exit_code, "is no time" in refused.stderr) == (2, True)


@pytest.mark.parametrize("given", ["2020-01-01", "0d"])
def test_a_key_that_would_be_dead_is_not_made(given: str) -> None:
    refused = run("create", "--tenant", "acme", "--scopes", "predict", "--expires", given)
    assert (refused.exit_code, "is over" in refused.stderr) == (2, True)


def test_a_key_that_is_not_there_is_told() -> None:
    with pytest.raises(NotFound, match='no key "nothing"'):
        CliRunner().invoke(cli, ["keys", "revoke", "nothing"], catch_exceptions=False)
