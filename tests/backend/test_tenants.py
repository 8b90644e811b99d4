"""Two tenants on one service: none sees, changes or counts what is the other's, by whatever call."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from backend.security import PUBLIC
from backend.settings import Settings
from imaml.store import SCOPES, Experiment, Metric, Store
from tests.services import Examples, Serve, add_model, form


@dataclass(frozen=True)
class Tenant:
    """A tenant's view of the service, and what it has there."""

    http: httpx.Client
    ids: dict[str, str]

    def everything(self) -> dict[str, bytes]:
        """The answer to each call that reads."""
        paths = [
            *("/v1/models", "/v1/experiments", "/v1/adaptations", "/v1/jobs/{job_id}", "/v1/limits"),
            *("/v1/models/{model}", "/v1/experiments/{experiment_id}", "/v1/adaptations/{adaptation_id}"),
            *("/v1/experiments/{experiment_id}/metrics", "/v1/adaptations/{adaptation_id}/examples"),
            *("/v1/experiments/{experiment_id}/evaluations", "/v2/models/{adaptation_id}"),
        ]
        return {path: self.http.get(path.format(**self.ids)).content for path in paths}


@pytest.fixture
def tenants(
    serve: Serve, store: Store, database_url: str, model_file: bytes, examples: Examples
) -> Iterator[tuple[Tenant, Tenant]]:
    """Two tenants, with one of everything each: a model, a run, an adaptation, a job."""
    add_model(database_url, model_file, shared=True)
    with serve(Settings(database_url=database_url)) as url:
        made = [_tenant(url, store.of(name), name, model_file, examples) for name in ("acme", "other")]
        yield made[0], made[1]
        for tenant in made:
            tenant.http.close()


def _tenant(url: str, store: Store, name: str, model_file: bytes, examples: Examples) -> Tenant:
    with store.transaction() as t:
        _, key = t.keys.create(name, SCOPES)
        run = t.experiments.add(
            Experiment(
                name="run", algorithm="imaml", dataset="glyphs", config={}, provenance={},
                split={"train": [], "validation": [], "test": []}, total_steps=1,
            )
        )  # fmt: skip
        t.metrics.write(run.id, [Metric("loss", 1, 0.5)])
    http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
    model = http.post("/v1/models?name=mine", content=model_file, headers={"Content-Type": "application/zip"})
    http.put("/v1/models/mine/aliases/best").raise_for_status()
    keyed = {"Idempotency-Key": "the same for both"}
    adaptation = http.post("/v1/adaptations", **form(examples, model="mine"), headers=keyed)
    job = http.post("/v1/adaptations", **form(examples), headers={"Prefer": "respond-async"}).json()
    while http.get(f"/v1/jobs/{job['id']}").json()["status"] in ("queued", "running"):
        pass
    ids = {
        "model": model.json()["id"],
        "experiment_id": run.id,
        "adaptation_id": adaptation.json()["id"],
        "job_id": job["id"],
        "version": "1",
        "alias": "theirs",
    }
    return Tenant(http, ids)


def _bodies(model_file: bytes, examples: Examples) -> dict[str, dict[str, Any]]:
    """Sound requests, by operation, of those that need a body."""
    [image, *_], *_ = examples.values()
    encoded = base64.b64encode(image).decode()
    ask = {"json": {"inputs": [{"image": encoded}]}}
    infer = {"json": {"inputs": [{"name": "images", "datatype": "BYTES", "shape": [1], "data": [encoded]}]}}
    teach = form(examples)
    more = {"files": teach["files"], "data": {"labels": teach["data"]["labels"]}}
    return {
        "create_adaptation": {**teach, "data": {**teach["data"], "model": "{model}"}},
        "add_examples": more,
        "predict_answers": ask,
        "predict_archive": {"content": model_file, "headers": {"Content-Type": "application/zip"}},
        "infer": infer,
        "infer_of_version": infer,
        "preprocess_image": {"files": {"image": image}, "data": {"model": "{model}"}},
        "change_experiment": {"json": {"notes": "mine now"}},
    }


def test_no_call_shows_changes_or_counts_what_is_another_s(
    tenants: tuple[Tenant, Tenant], model_file: bytes, examples: Examples
) -> None:
    owner, stranger = tenants
    before = owner.everything()
    schema = owner.http.get("/openapi.json").json()
    bodies = _bodies(model_file, examples)
    tried = 0
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            sent = bodies.get(operation["operationId"], {})
            names = "{" in path or "{model}" in f"{sent.get('data')}"
            if path in PUBLIC or not names:
                continue
            if "{model}" in f"{sent.get('data')}":
                sent = {**sent, "data": {**sent["data"], "model": owner.ids["model"]}}
            answer = stranger.http.request(method, path.format(**owner.ids), **sent)
            assert answer.status_code == 404, (method, path, answer.text)
            untold = [owner.ids[name] for name in owner.ids.keys() - {"alias", "version"} if name not in path]
            assert not any(each in answer.text for each in untold if each not in f"{sent}")
            tried += 1
    assert tried > 20
    assert owner.everything() == before


def test_lists_hold_one_s_own_and_what_is_shared(tenants: tuple[Tenant, Tenant]) -> None:
    for tenant, other in (tenants, tenants[::-1]):
        for what, own in (
            ("models", "model"),
            ("experiments", "experiment_id"),
            ("adaptations", "adaptation_id"),
        ):
            listed = [item["id"] for item in tenant.http.get(f"/v1/{what}").json()["items"]]
            assert tenant.ids[own] in listed
            assert other.ids[own] not in listed
            assert len(listed) == (1 if what == "experiments" else 2)


def test_names_aliases_and_idempotency_keys_are_each_one_s_own(tenants: tuple[Tenant, Tenant]) -> None:
    one, other = tenants
    assert one.ids["adaptation_id"] != other.ids["adaptation_id"]
    for tenant in tenants:
        for reference in ("mine", "mine:1", "mine@best"):
            assert tenant.http.get(f"/v1/models/{reference}").json()["id"] == tenant.ids["model"]


def test_what_is_shared_is_used_and_not_changed(tenants: tuple[Tenant, Tenant]) -> None:
    one, _ = tenants
    assert one.http.get("/v1/models/small").is_success
    refused = one.http.put("/v1/models/small/aliases/mine")
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-value")
    assert "is shared with you" in refused.json()["detail"]
