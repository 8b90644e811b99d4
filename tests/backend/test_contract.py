"""The running service does what its schema says, whatever is sent: every check of schemathesis.

Always the same requests, and few of them; `make fuzz` sends others for as long as it is told.
"""

import os
import random
from collections.abc import Iterator
from itertools import count, cycle, islice
from time import monotonic
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import events, from_schema
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.schemas import BaseSchema

from backend.settings import Settings
from imaml.client import Client
from imaml.store import SCOPES, Evaluation, Experiment, Metric, Store
from tests.services import Examples, Serve, add_model

SECONDS = int(os.environ.get("FUZZ_SECONDS", "0"))
COMBINATIONS = 4
"""Of databases, and of keys or none: each has its part of the seconds."""
SEED = int(os.environ.get("FUZZ_SEED", random.randrange(2**32) if SECONDS else "1"))

CONTENT = {
    *("image-too-large", "unreadable-image", "unsupported-image"),
    *("invalid-archive", "invalid-bundle"),
    # How many classes a model learns, or has examples of.
    *("invalid-examples", "too-few-examples"),
    # That cursors come from the same listing, and names are printable.
    "invalid-value",
    "diverged",
}
"""Problems of what is well formed, of which a schema can say nothing."""
MODEL = "starter"
"""The name in the schema's own examples."""


@pytest.fixture(params=["local", "keys"])
def headers(request: pytest.FixtureRequest, store: Store) -> dict[str, str]:
    """What who may do everything sends: nothing, or a key of a service that has keys."""
    if request.param == "local":
        return {}
    with store.transaction() as transaction:
        return {"Authorization": f"Bearer {transaction.keys.create('local', SCOPES)[1]}"}


@pytest.fixture
def url(serve: Serve, database_url: str, model_file: bytes) -> Iterator[str]:
    """A service on a database of its own, whose limits are so near that reaching them takes no time."""
    add_model(database_url, model_file, MODEL)
    settings = Settings(
        database_url=database_url,
        leave_one_out_seconds=0.5,
        max_deadline_ms=1000,
        max_examples=20,
        max_inner_steps=20,
        max_predictions=20,
        max_requests_per_minute=10**9,
    )
    with serve(settings) as url:
        yield url


def test_service_keeps_its_contract(
    url: str, database_url: str, headers: dict[str, str], store: Store, examples: Examples
) -> None:
    key = headers.get("Authorization", "").removeprefix("Bearer ") or None
    with Client(url, key) as client:
        known = {
            "adaptation_id": client.adapt(MODEL, examples).id,
            "experiment_id": _add_experiment(store),
            "job_id": client.submit(MODEL, examples).id,
            "model": MODEL,
            "version": "1",
        }
    # What takes longest, once with keys and once without, and once on each database.
    coverage = bool(SECONDS) or bool(headers) == database_url.startswith("postgresql")
    end = monotonic() + SECONDS / COMBINATIONS
    for seed in count(SEED):
        settings = _settings(seed, headers, known)
        settings["phases"] = {"coverage": {"enabled": coverage and seed == SEED}}
        if SECONDS:
            settings["max-time"] = max(1, round(end - monotonic()))
        found = _failures(_schema(url, settings, known))
        report = "\n\n".join(f"{place}, {check}:\n{text}" for (place, check), text in found.items())
        assert not found, f"With FUZZ_SEED={seed}:\n\n{report}"
        if monotonic() >= end:
            break


def _settings(seed: int, headers: dict[str, str], known: dict[str, str]) -> dict[str, Any]:
    """What schemathesis shall do."""
    return {
        "seed": seed,
        "headers": headers,
        "continue-on-failure": True,
        "warnings": False,
        "cache": {"enabled": False},
        "generation": {
            "database": "none",
            "deterministic": not SECONDS,
            "max-examples": 25 if SECONDS else 5,
            "no-shrink": True,
        },
        # Too much is 413; what 5xx there may be fails another check.
        "checks": {"negative_data_rejection": {"expected-statuses": ["4xx", "5xx"]}},
        # Half the time something that there is.
        "dictionaries": {name: {"values": [value]} for name, value in known.items()},
        "parameters": {
            **{f"path.{name}": {"dictionary": name, "probability": 0.5} for name in known},
            "body.model": {"dictionary": "model", "probability": 0.5},
        },
        "operations": [
            {
                # What tensors an adaptation takes, its own metadata say and not the schema.
                "include-operation-id": ["infer", "infer_of_version"],
                "checks": {
                    "positive_data_acceptance": {
                        "expected-statuses": ["2xx", "400", "401", "403", "404", "413", "415", "422"]
                    }
                },
            },
            {
                # The same code as without a version.
                "include-operation-id-regex": "_of_version$",
                "phases": {"coverage": {"enabled": False}},
            },
        ],
    }


def _schema(url: str, settings: dict[str, Any], known: dict[str, str]) -> BaseSchema:
    """The service's schema, with what it cannot say of requests."""
    config = SchemathesisConfig.from_dict(settings)
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)
    numbers = count()

    @schema.hook
    def map_body(_context: Any, body: Any) -> Any:
        """Give each file of a form its label, which no schema can ask for."""
        match body:
            case {"examples": [_, *_] as files, "labels": [_, *_] as labels}:
                longest = max(len(files), len(labels))
                return {
                    **body,
                    **{n: [*islice(cycle(v), longest)] for n, v in (("examples", files), ("labels", labels))},
                }
        return body

    @schema.hook
    def filter_case(_context: Any, case: Any) -> bool:
        """Keep what is there; and of forms those that are what they seem."""
        form = case.body if case.media_type == "multipart/form-data" and isinstance(case.body, dict) else {}
        lists = [form[name] for name in ("examples", "labels", "images") if name in form]
        # A form has no lists of one: a value alone is as good.
        if not all(isinstance(found, list) for found in lists) or len({len(found) for found in lists}) > 1:
            return False
        return case.method != "DELETE" or not {*case.path_parameters.values()} & {*known.values()}

    @schema.hook
    def map_case(_context: Any, case: Any) -> Any:
        """Get further in the phase whose values are mostly the same: past 404, and past 409 for the key."""
        if case.meta.phase.name == TestPhase.COVERAGE:
            names = case.path_parameters.keys() & known.keys() if case.method != "DELETE" else ()
            if names and case.meta.components[ParameterLocation.PATH].mode.is_positive:
                case.path_parameters.update({name: known[name] for name in names})
            if case.headers.get("Idempotency-Key") == "0":
                case.headers["Idempotency-Key"] = f"{next(numbers)}"
        return case

    @schema.hook
    def filter_failure(_context: Any, failure: Any, case: Any, response: Any) -> bool:
        """Expect a refusal for what no schema can say."""
        if not isinstance(failure, RejectedPositiveData) or response.status_code >= 500:
            return True
        problem = response.json()
        if "There would be" in problem.get("detail", ""):  # too many examples, with those that are stored
            return False
        # Images or vectors, how long, by which solvers: that is the model's.
        faults = problem.get("errors", {}).values() or [problem.get("detail", "")]
        if all("the model" in fault or "this model" in fault for fault in faults):
            return False
        return problem.get("type", "").removeprefix("/problems/") not in CONTENT

    return schema


def _failures(schema: BaseSchema) -> dict[tuple[str, str], str]:
    """What is wrong, by operation and check, with the request that shows it and its answer."""
    found: dict[tuple[str, str], str] = {}
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished(recorder=recorder):
                for case_id, checks in recorder.checks.items():
                    for check in checks:
                        if info := check.failure_info:
                            label = recorder.cases[case_id].value.operation.label
                            response = recorder.interactions[case_id].response
                            answer = response and f"{response.status_code} {response.content[:1000]!r}"
                            found[label, check.name] = f"{info.failure}\n{info.code_sample[:3000]}\n{answer}"
            case events.NonFatalError(label=label, info=info):
                found[label, info.title] = info.message
            case events.FatalError(exception=exception):
                raise exception
            case events.Interrupted():
                raise KeyboardInterrupt
    return found


def _add_experiment(store: Store) -> str:
    """Store a run with a metric and an evaluation."""
    experiment = Experiment(
        name="run", algorithm="imaml", dataset="omniglot", config={"lam": 0.1}, provenance={"dirty": False},
        split={"train": ["a"]}, total_steps=100, tags=["good"],
    )  # fmt: skip
    with store.transaction() as transaction:
        experiment_id = transaction.experiments.add(experiment).id
        transaction.metrics.write(experiment_id, [Metric("loss", step, 1 / (step + 1)) for step in range(5)])
        evaluation = Evaluation(
            experiment_id=experiment_id, dataset="omniglot", split="test", ways=5, shots=1, queries=5,
            episodes=2, seed=1, transductive=False, accuracy=0.9, ci95=0.02, accuracy_unadapted=0.8,
            accuracies=[0.9, 0.88],
        )  # fmt: skip
        transaction.evaluations.add(evaluation)
        return experiment_id
