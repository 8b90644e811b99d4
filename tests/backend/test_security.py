"""From the first key on nobody gets in without one, and a key opens what it is for, as long as it lives."""

import json
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import pytest

from backend.security import PUBLIC
from backend.settings import Settings
from imaml.client import ApiError, Client
from imaml.store import SCOPES, Scope, Store, utc_now
from tests.services import Examples, Serve, add_model, form

MakeKey = Callable[..., str]


@pytest.fixture
def make_key(store: Store) -> MakeKey:
    """Makes a key of the tenant acme, by default with every scope."""

    def make(*scopes: Scope, tenant: str = "acme", **options: object) -> str:
        with store.transaction() as t:
            return t.keys.create(tenant, scopes or SCOPES, **options)[1]

    return make


@pytest.fixture
def url(serve: Serve, database_url: str, model_file: bytes) -> Iterator[str]:
    """A service on a database of its own, with a model that all tenants share."""
    add_model(database_url, model_file, shared=True)
    with serve(Settings(database_url=database_url, max_requests_per_minute=1000)) as url:
        yield url


def ask(
    url: str, key: str | None = None, path: str = "/v1/models", method: str = "GET", **headers: str
) -> httpx.Response:
    shown = {} if key is None else {"Authorization": f"Bearer {key}"}
    # Without certificates, which take longer to load than the service to answer.
    return httpx.request(method, f"{url}{path}", headers={**shown, **headers}, timeout=60, verify=False)


def kind(response: httpx.Response) -> str:
    return response.json()["type"].removeprefix("/problems/")


def test_the_first_key_closes_a_running_service(url: str, make_key: MakeKey) -> None:
    assert ask(url).is_success
    assert ask(url, "of another service").is_success
    assert "securitySchemes" not in ask(url, path="/openapi.json").json()["components"]
    key = make_key()
    refused = ask(url)
    assert (refused.status_code, kind(refused)) == (401, "key-needed")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert ask(url, key).is_success
    assert "securitySchemes" in ask(url, path="/openapi.json").json()["components"]


def test_nothing_of_a_body_is_read_without_a_key(url: str, make_key: MakeKey) -> None:
    make_key()

    host, port = url.removeprefix("http://").split(":")
    for begin in ("PATCH /v1/experiments/x", "POST /v1/adaptations", "POST /v2/models/x/infer"):
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            head = f"{begin} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 30000000\r\n"
            connection.sendall(f"{head}Content-Type: application/json\r\n\r\n{{".encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 401")


def test_what_a_proxy_passes_on_is_not_local(url: str) -> None:
    for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP"):
        refused = ask(url, **{name: "192.0.2.1"})
        assert (refused.status_code, kind(refused)) == (403, "foreign-host")


def test_keys_that_are_none_open_nothing(url: str, make_key: MakeKey) -> None:
    key = make_key()
    expired = make_key(expires_at=utc_now())
    for wrong in (key[:-1], f"{key}x", key.upper(), expired, "x", "imaml_" * 50):
        refused = ask(url, wrong)
        assert (refused.status_code, kind(refused)) == (401, "key-unknown")
    for header in (f"Basic {key}", key, "Bearer"):
        assert kind(ask(url, Authorization=header)) in ("key-needed", "key-unknown")
    assert ask(url, Authorization=f"bearer  {key}").is_success
    assert ask(url, make_key(expires_at=utc_now() + timedelta(hours=1))).is_success


def test_revocation_works_at_once_in_every_replica(
    url: str, serve: Serve, database_url: str, store: Store, make_key: MakeKey
) -> None:
    make_key(tenant="other")
    key = make_key()
    with serve(Settings(database_url=database_url)) as replica:
        for service in (url, replica):
            assert ask(service, key).is_success
        with store.transaction() as t:
            [row] = t.keys.list("acme")
            assert row.last_used_at is not None
            t.keys.revoke(row.id)
        for service in (url, replica):
            assert kind(ask(service, key)) == "key-unknown"
            assert kind(ask(service)) == "key-needed"  # a revoked key has been made all the same


def test_every_call_needs_a_key_with_a_scope_that_the_schema_names(url: str, make_key: MakeKey) -> None:
    keys = {scope: make_key(scope) for scope in SCOPES}
    schema = ask(url, path="/openapi.json").json()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            there = path.replace("{version}", "1")
            if path in PUBLIC:
                assert "security" not in operation
                assert ask(url, None, there, method).is_success
                continue
            assert ask(url, None, there, method).status_code == 401, (method, path)
            named = {scope for way in operation["security"] for scope in way["key"]} or {*SCOPES}
            for scope, key in keys.items():
                refused = ask(url, key, there, method).status_code == 403
                assert refused == (scope not in named), (method, path, scope)
    assert ask(url, keys["review"], "/metrics").status_code == 403
    assert ask(url, keys["admin"], "/metrics").is_success


def test_a_key_that_asks_too_often_waits_and_the_others_do_not(
    serve: Serve, database_url: str, make_key: MakeKey
) -> None:
    eager, other = make_key("review"), make_key("review")
    with serve(Settings(database_url=database_url, max_requests_per_minute=3)) as url:
        assert [ask(url, eager).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = ask(url, eager)
        assert kind(refused) == "rate-exceeded"
        assert 1 <= int(refused.headers["retry-after"]) <= 20
        limits = ask(url, other, "/v1/limits").json()
        assert (limits["max_requests_per_minute"], limits["max_adaptations"]) == (3, 10_000)
        assert ask(url, path="/healthz").is_success


def test_a_service_without_keys_has_no_rate_and_no_quota(serve: Serve, database_url: str) -> None:
    with serve(Settings(database_url=database_url, max_requests_per_minute=1)) as url:
        assert {ask(url).status_code for _ in range(5)} == {200}
        limits = ask(url, path="/v1/limits").json()
        assert (limits["max_requests_per_minute"], limits["max_adaptations"]) == (None, None)


def test_a_tenant_has_its_quota_of_adaptations(
    serve: Serve, database_url: str, model_file: bytes, make_key: MakeKey, examples: Examples
) -> None:
    add_model(database_url, model_file, shared=True)
    keys = make_key(), make_key(), make_key(tenant="other")
    with serve(Settings(database_url=database_url, max_adaptations=2)) as url:

        def teach(key: str, **headers: str) -> httpx.Response:
            shown = {"Authorization": f"Bearer {key}", **headers}
            return httpx.post(f"{url}/v1/adaptations", **form(examples), headers=shown, timeout=60)

        assert [teach(keys[0]).status_code, teach(keys[1]).status_code] == [201, 201]
        for refused in (teach(keys[0]), teach(keys[1], Prefer="respond-async")):
            assert (refused.status_code, kind(refused)) == (429, "quota-exceeded")
            assert "retry-after" not in refused.headers
        assert teach(keys[2]).status_code == 201


def test_what_was_learned_says_by_which_key(url: str, make_key: MakeKey, examples: Examples) -> None:
    with Client(url) as nobody:
        assert nobody.adapt("small", examples).created_by is None
    one, other = make_key(), make_key()
    with Client(url, one) as client, Client(url, other) as second:
        at_once = client.adapt("small", examples)
        by_a_job = second.wait(second.submit("small", examples).id)
        extended = second.add_examples(at_once.id, examples, store_examples=False)
        made = {item.id: item for item in client.adaptations_page(model="small:1", limit=10).items}
    ids = [key.split("_")[1] for key in (one, other, other)]
    assert [made[item.id].created_by for item in (at_once, by_a_job, extended)] == ids
    assert [made[item.id].examples_stored for item in (at_once, by_a_job, extended)] == [True, True, False]


def test_a_tenant_s_jobs_are_in_nobody_else_s_way(
    serve: Serve, database_url: str, model_file: bytes, make_key: MakeKey, examples: Examples
) -> None:
    add_model(database_url, model_file, shared=True)
    with serve(Settings(database_url=database_url, max_jobs=1)) as url:
        one, other = Client(url, make_key(), retries=0), Client(url, make_key(tenant="other"), retries=0)
        with one, other:
            slow = one.submit("small", examples, max_steps=1000, tolerance=0)
            with pytest.raises(ApiError) as error:
                one.submit("small", examples)
            assert (error.value.status, error.value.type) == (429, "/problems/quota-exceeded")
            other.wait(other.submit("small", examples).id)
            one.wait(slow.id)


def test_with_keys_any_name_and_origin_may_ask(url: str, make_key: MakeKey) -> None:
    key = make_key()
    assert ask(url, key, Host="api.example.com", Origin="https://shop.example").is_success


def test_pages_of_allowed_origins_alone_may_read_answers(
    serve: Serve, database_url: str, make_key: MakeKey
) -> None:
    key, mine, other = make_key(), "https://shop.example", "https://other.example"
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    allowed = "access-control-allow-origin"
    for origins in ([], [mine]):
        with serve(Settings(database_url=database_url, cors_origins=origins)) as url:
            for origin in (mine, other):
                asked = httpx.options(f"{url}/v1/models", headers={"Origin": origin, **preflight})
                read = ask(url, key, Origin=origin)
                expected = origin if origin in origins else None
                assert (asked.headers.get(allowed), read.headers.get(allowed)) == (expected, expected)


def test_origins_are_parted_by_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAML_CORS_ORIGINS", "https://a.example, https://b.example,")
    assert Settings().cors_origins == ["https://a.example", "https://b.example"]


def test_every_answer_tells_browsers_to_be_careful(url: str, make_key: MakeKey) -> None:
    key = make_key()
    for response in (ask(url, key), ask(url), ask(url, key, "/nothing"), ask(url, path="/healthz")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        assert response.headers["x-request-id"]


def test_the_log_tells_who_asked_and_never_by_which_key(
    url: str, make_key: MakeKey, examples: Examples, capfd: pytest.CaptureFixture[str]
) -> None:
    key = make_key()
    shown = {"Authorization": f"Bearer {key}", "X-Request-ID": "logged-2"}
    httpx.post(f"{url}/v1/adaptations?secret=query", **form(examples), headers=shown, timeout=60)
    ask(url, key)  # the line before is written once another request is answered
    log = capfd.readouterr().err
    [line] = [json.loads(line) for line in log.splitlines() if "logged-2" in line]
    assert (line["tenant"], line["key"], line["status"]) == ("acme", key.split("_")[1], 201)
    for secret in (key, key.split("_", 2)[2], "secret", "character 0"):
        assert secret not in log
