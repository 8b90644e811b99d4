"""Liveness, readiness, the schema, the numbers for Prometheus, the log."""

import json

import httpx
import pytest

from backend.settings import Settings
from tests.services import Examples, Serve, add_model, form


def test_service_with_a_model_is_ready(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}
    ready = http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "ready"
    assert ready.json()["models_loaded"] >= 1


def test_probes_may_ask_for_the_head_alone(http: httpx.Client) -> None:
    for path in ("/healthz", "/readyz"):
        answer = http.head(path)
        assert (answer.status_code, answer.content) == (200, b"")


def test_service_without_a_model_is_alive_but_not_ready(
    serve: Serve, database_url: str, model_file: bytes
) -> None:
    with serve(Settings(database_url=database_url)) as url:
        assert httpx.get(f"{url}/healthz").is_success
        refused = httpx.get(f"{url}/readyz")
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/no-model")
        add_model(database_url, model_file)
        assert httpx.get(f"{url}/readyz").is_success


def test_service_on_an_empty_database_is_alive_but_not_ready(serve: Serve, empty_database_url: str) -> None:
    with serve(Settings(database_url=empty_database_url)) as url:
        assert httpx.get(f"{url}/healthz").is_success
        refused = httpx.get(f"{url}/readyz")
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/database-outdated")
        assert "imaml db upgrade" in refused.json()["detail"]


@pytest.mark.parametrize("database_url", ["sqlite:////nowhere/imaml.db", "postgresql://127.0.0.1:1/imaml"])
def test_service_without_a_database_is_alive_and_says_so_but_not_where_it_is(
    serve: Serve, database_url: str
) -> None:
    with serve(Settings(database_url=database_url)) as url:
        assert httpx.get(f"{url}/healthz").is_success
        for path in ("/readyz", "/v1/models"):
            refused = httpx.get(f"{url}{path}", timeout=30)
            assert (refused.status_code, refused.json()["type"]) == (503, "/problems/database-unavailable")
            assert "nowhere" not in refused.text
            assert "127.0.0.1" not in refused.text


def test_requests_are_counted_for_prometheus(http: httpx.Client) -> None:
    http.get("/v1/models/none")
    metrics = http.get("/metrics").text
    assert 'http_requests_total{handler="/v1/models/{model}",method="GET",status="4xx"}' in metrics


def test_request_id_is_kept_or_made(http: httpx.Client) -> None:
    assert http.get("/healthz", headers={"X-Request-ID": "mine-1"}).headers["x-request-id"] == "mine-1"
    made = [
        http.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"] for given in ("", "a b")
    ]
    assert len(set(made)) == 2
    assert "a b" not in made


def test_request_is_one_line_of_json_in_the_log(
    http: httpx.Client, examples: Examples, capfd: pytest.CaptureFixture[str]
) -> None:
    http.post("/v1/adaptations", **form(examples), headers={"X-Request-ID": "logged-1"})
    http.get("/healthz")  # the line before is written once another request is answered
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "logged-1" in line]
    assert len(lines) == 1
    assert (lines[0]["method"], lines[0]["path"], lines[0]["status"]) == ("POST", "/v1/adaptations", 201)
    assert lines[0]["duration_ms"] > 0


def test_unforeseen_error_is_a_plain_500_and_the_service_lives_on(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr("backend.routes.health._newest_model", lambda *_: fail(None))
    response = http.get("/readyz")
    assert (response.status_code, response.json()["type"]) == (500, "/problems/internal-error")
    assert "secret" not in response.text
    assert response.headers["x-request-id"]
    monkeypatch.undo()
    assert http.get("/readyz").is_success
    assert "secret of the inside" in capfd.readouterr().err
