"""`imaml keys`: who may use the service, and for what."""

from datetime import datetime, timedelta
from typing import Any, cast

import click

from imaml.commands.database import open_store
from imaml.commands.output import json_option, print_json, print_rows
from imaml.store import SCOPES, ApiKey, Scope, utc_now

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class _Time(click.ParamType[datetime, str]):
    """A span from now, such as 90d, or a date."""

    name = "TIME"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment that is meant."""
        try:
            if value[-1:] in _UNITS and value[:-1].isdecimal():
                time = utc_now() + timedelta(**{_UNITS[value[-1]]: int(value[:-1])})
            else:
                time = datetime.fromisoformat(value).astimezone()
        except (ValueError, OverflowError):
            time = None
        if time is None:
            self.fail(f"{value!r} is no time; give a span such as 12h or 90d, or a date such as 2030-01-31.")
        if time <= utc_now():
            self.fail(f"{value!r} is over; give a time to come.")
        return time


@click.group()
def keys() -> None:
    """Make and revoke the keys of applications; from the first one on, every call needs one."""


@keys.command()
@click.option(
    "--tenant",
    required=True,
    help="Whose things the key opens; others do not exist for it. What commands such as `imaml train` make, "
    'and what was made before the first key, is of the tenant "local".',
)
@click.option(
    "--scopes",
    required=True,
    help=f"What it is for, parted by commas: {', '.join(SCOPES)}.",
)
@click.option("--expires", type=_Time(), help="When it ends: a span such as 90d, or a date; default: never.")
@json_option
def create(tenant: str, scopes: str, expires: datetime | None, as_json: bool) -> None:
    """Make a key and print it, once: it is kept nowhere."""
    asked = [part.strip() for part in scopes.split(",") if part.strip()]
    with open_store().transaction() as transaction:
        row, key = transaction.keys.create(tenant, cast(list[Scope], asked), expires)
    if as_json:
        print_json({"key": key, **_describe(row)})
    else:
        click.echo(key)
        click.echo(f"{_described(row)}. This is the only time that it is shown.", err=True)


@keys.command("list")
@click.option("--tenant", help="Those of one tenant alone.")
@json_option
def list_command(tenant: str | None, as_json: bool) -> None:
    """List the keys, newest first."""
    with open_store().reading() as transaction:
        rows = transaction.keys.list(tenant)
    described = [_describe(row) for row in rows]
    if not as_json:
        described = [{**row, "scopes": ", ".join(row["scopes"])} for row in described]
    print_rows(described, as_json, "no keys; the service is open to this machine alone")


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Let the key of that ID open nothing any more, at once and everywhere."""
    with open_store().transaction() as transaction:
        row = transaction.keys.revoke(key_id)
    click.echo(f"key {row.id} of tenant {row.tenant} is revoked")


def _describe(row: ApiKey) -> dict[str, Any]:
    return {
        "id": row.id,
        "tenant": row.tenant,
        "scopes": row.scopes,
        "created_at": _shown(row.created_at),
        "expires_at": _shown(row.expires_at),
        "last_used_at": _shown(row.last_used_at),
        "revoked_at": _shown(row.revoked_at),
    }


def _described(row: ApiKey) -> str:
    until = f" until {_shown(row.expires_at)}" if row.expires_at else ""
    return f"key {row.id} of tenant {row.tenant} for {', '.join(row.scopes)}{until}"


def _shown(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="seconds")
