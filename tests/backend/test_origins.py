"""Only this machine's own pages and programs are served, whatever a browser is made to send."""

import httpx
import pytest

from tests.services import Examples, form


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:80", "127.0.0.2", "localhost:8000", "LOCALHOST", "[::1]", "[::1]:8000"]
)
def test_names_of_this_machine_are_served(http: httpx.Client, host: str) -> None:
    assert http.get("/v1/models", headers={"Host": host}).is_success
    for scheme in ("http", "https"):
        assert http.get("/v1/models", headers={"Origin": f"{scheme}://{host}"}).is_success


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "192.168.0.1", "a@127.0.0.1", ""],
)
def test_other_names_and_origins_are_refused(http: httpx.Client, examples: Examples, host: str) -> None:
    refused = [
        (http.get("/v1/models", headers={"Host": host}), "foreign-host"),
        (
            http.post("/v1/adaptations", **form(examples), headers={"Origin": f"http://{host}"}),
            "foreign-origin",
        ),
    ]
    for response, kind in refused:
        assert (response.status_code, response.json()["type"]) == (403, f"/problems/{kind}")
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["x-request-id"]


@pytest.mark.parametrize("origin", ["null", "file://127.0.0.1", "chrome-extension://localhost"])
def test_pages_of_no_site_are_refused(http: httpx.Client, origin: str) -> None:
    assert http.get("/v1/models", headers={"Origin": origin}).status_code == 403
