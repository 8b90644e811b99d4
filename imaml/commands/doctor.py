"""`imaml doctor`: whether there is all that imaml needs, and what to do where there is not."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from platform import python_version
from typing import Any

import click
from pydantic import ValidationError

from backend.settings import Settings
from imaml.commands.output import json_option, print_json
from imaml.runtime import devices
from imaml.runtime.graphs import GraphError
from imaml.runtime.verification import verify
from imaml.store import BundleError, Store, bundles, create_engine, is_current
from imaml.store.engine import parse_url, shown

EXTRAS = {
    "serving": "api: asgi_correlation_id fastapi fastapi_swagger httptools onnx "
    "prometheus_fastapi_instrumentator python_multipart structlog uvicorn",
    "dashboard": "dashboard: streamlit",
    "training": "train: onnx onnxscript pyarrow torch",
}
"""What each is for, its name, and the modules that it brings."""
_API_SECONDS = 2


class Fault(Exception):
    """Something that is wrong; the message says what and, after its last semicolon, what to do."""


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check what imaml needs on this machine, and say what to do; nothing is made or changed."""
    findings = list(_examine())
    if as_json:
        print_json(findings)
    else:
        for check, status, detail, advice in (finding.values() for finding in findings):
            click.echo(f"{status:7}  {check:9}  {detail}{f'; {advice}' if advice else ''}")
    if failed := [finding["check"] for finding in findings if finding["status"] == "failure"]:
        raise click.ClickException(f"not in order: {', '.join(failed)}")


def _examine() -> Iterator[dict[str, Any]]:
    yield _check("python", python_version)
    for purpose, extra in EXTRAS.items():
        yield _check(purpose, partial(_extra, *extra.split(": ")), "warning")
    yield (read := _check("settings", _settings))
    if read["status"] != "ok":
        return
    settings = Settings()
    url, home, data = settings.database_url, settings.home, settings.data
    needs_home = url == f"sqlite:///{home / 'imaml.db'}"
    yield _check("home", lambda: _home(home), "failure" if needs_home else "warning")
    yield (database := _check("database", lambda: _database(url)))
    yield _check("model", lambda: _model(url, database["status"] == "ok"))
    yield _check("device", lambda: _device(settings.device))
    if data is not None:
        yield _check("data", lambda: _data(data))
    yield _check("api", _api, "warning")


def _check(name: str, look: Callable[[], str], worst: str = "failure") -> dict[str, Any]:
    """Tell what a check returns or raises: whatever is broken, the others are still told."""
    try:
        status, detail, advice = "ok", look(), None
    except Exception as error:
        message = f"{error}".partition("\n")[0].rstrip(".") or type(error).__name__
        detail, is_advised, advice = message.rpartition("; ")  # as nearly all of ours are
        status, detail, advice = worst, detail or message, advice if is_advised else None
    return {"check": name, "status": status, "detail": detail, "advice": advice}


def _extra(extra: str, modules: str) -> str:
    if missing := [module for module in modules.split() if find_spec(module) is None]:
        raise Fault(f"without {', '.join(missing)}; if you need it, run pip install 'imaml[{extra}]'")
    return f"imaml[{extra}] is installed"


def _settings() -> str:
    try:
        Settings()
        return "all can be used"
    except ValidationError as error:
        first = error.errors()[0]
        name = "IMAML_" + "_".join(map(str, first["loc"])).upper()
        raise Fault(f"{name} is {first['input']!r}: {first['msg']}; correct it") from error
    except RuntimeError as error:  # ~ stands for nothing
        raise Fault("there is no home folder for ~; set IMAML_HOME to a folder") from error


def _home(home: Path) -> str:
    there = next(folder for folder in (home, *home.parents) if os.path.exists(folder))
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise Fault(f"{there} may not be written; set IMAML_HOME to a folder that may be")
    return f"{home}" if there == home else f"{home} can be made"


@contextmanager
def _store(url: str) -> Generator[Store]:
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        file = Path(parsed.database or "")
        if not file.exists() or not file.stat().st_size:  # which SQLite would make into a database
            raise Fault(f"there is none at {file}; run `imaml db upgrade`")
        if not all(os.access(path, os.W_OK) for path in (file, file.parent)):  # SQLite would find out late
            raise Fault(f"{file} or its folder may not be written; give whoever runs imaml the right to")
    engine = create_engine(url)
    try:
        if not is_current(engine):
            raise Fault(f"{shown(parsed)} is not at the newest migration; run `imaml db upgrade`")
        yield Store(engine)
    finally:
        engine.dispose()


def _database(url: str) -> str:
    with _store(url):
        return f"{shown(parse_url(url))} is at the newest migration"


def _model(url: str, is_readable: bool) -> str:
    if not is_readable:
        raise Fault("none can be read; see to the database first")
    with _store(url) as store, store.reading() as transaction:
        if (newest := transaction.models.newest()) is None:
            raise Fault("none is stored; run `imaml models starters`, or `imaml train --name NAME`")
        data = transaction.models.bundle(newest)
    try:
        bundle = bundles.read(data)
        verify(bundle.description, bundle.parameters, bundle.graphs, bundle.examples)
    except (BundleError, GraphError) as error:
        raise Fault(f"{newest.name}:{newest.version} fails ({error}); import or train another") from error
    return f"{newest.name}:{newest.version} learns and answers"


def _device(wanted: devices.Device) -> str:
    chosen = devices.choose(wanted)
    return "GPU" if chosen.device == "cuda" else f"CPU ({chosen.fallback or 'as IMAML_DEVICE says'})"


def _data(path: Path) -> str:
    if not os.access(path, os.R_OK):
        raise Fault(f"{path} is not there or may not be read; let IMAML_DATA say where the data sets lie")
    return f"{path}"


def _api() -> str:
    from imaml.client import Client  # here, since every other command would wait for it

    with Client(timeout=_API_SECONDS, retries=0) as client:
        client.limits()
        return f"the service answers at {client.url}"
