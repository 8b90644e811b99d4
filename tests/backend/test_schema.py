"""The OpenAPI schema says all that a generator of clients, and its reader, need."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

Schema = dict[str, Any]


@pytest.fixture
def schema(http: httpx.Client) -> Schema:
    """The running service's schema."""
    return http.get("/openapi.json").json()


def operations(schema: Schema) -> Iterator[tuple[str, Schema]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def parts(part: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every schema within a schema, with its place."""
    if isinstance(part, dict):
        yield place, part
        for name, value in part.items():
            if name not in ("example", "examples", "value", "default", "enum", "const"):
                yield from parts(value, f"{place}.{name}")
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from parts(value, f"{place}.{index}")


def test_the_documentation_is_a_page_that_needs_nothing_from_elsewhere(api_url: str, page: Page) -> None:
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{api_url}/docs")
    page.get_by_text("Teach a model from").first.click()
    page.get_by_text("Idempotency-Key").first.wait_for()
    assert all(url.startswith((api_url, "data:")) for url in asked)
    assert errors == []


def test_teaching_may_be_sent_as_a_form_or_as_json(schema: Schema) -> None:
    teach = schema["paths"]["/v1/adaptations"]["post"]
    sent = {kind: _resolved(schema, body["schema"]) for kind, body in teach["requestBody"]["content"].items()}
    assert sent.keys() == {"multipart/form-data", "application/json"}
    assert set(sent["multipart/form-data"]["required"]) == {"model", "examples", "labels"}
    headers = {parameter["name"] for parameter in teach["parameters"] if parameter["in"] == "header"}
    assert headers == {"Idempotency-Key", "Prefer", "X-Request-ID"}
    assert {"lam", "solver", "inner_lr", "max_steps", "tolerance", "deadline_ms"} <= sent["application/json"][
        "properties"
    ].keys()


def test_operation_ids_are_names_and_unique(schema: Schema) -> None:
    ids = [operation["operationId"] for _, operation in operations(schema)]
    assert len(set(ids)) == len(ids)
    assert all(name.isidentifier() and name.islower() for name in ids)


def test_every_operation_has_one_known_tag_and_a_sentence(schema: Schema) -> None:
    known = {tag["name"] for tag in schema["tags"]}
    for place, operation in operations(schema):
        assert len(operation["tags"]) == 1, place
        assert set(operation["tags"]) <= known, place
        assert operation["summary"], place
        assert operation["description"], place


def test_every_answer_and_every_refusal_has_an_example(schema: Schema) -> None:
    for place, operation in operations(schema):
        for status, response in operation["responses"].items():
            assert response["description"], (place, status)
            for media_type, content in response.get("content", {}).items():
                if content.get("schema", {}).get("format") == "binary" or media_type.startswith("image/"):
                    continue
                described = {**content, **_resolved(schema, content["schema"])}
                assert described.get("examples") or described.get("example"), (place, status, media_type)


def test_every_refusal_is_a_problem_or_the_protocol_s_error(schema: Schema) -> None:
    for place, operation in operations(schema):
        assert "500" in operation["responses"], place
        for status, response in operation["responses"].items():
            if status >= "4":
                [content] = response["content"].values()
                name = "InferenceError" if "/v2" in place else "Problem"
                assert content["schema"]["$ref"].endswith(f"/{name}"), (place, status)


def test_nothing_may_be_anything(schema: Schema) -> None:
    """A schema that says nothing of its value makes clients guess."""
    says = {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"}
    for place, part in parts(schema):
        name = place.rpartition(".")[2]
        if name in ("schema", "items", "additionalProperties") or place.split(".")[-2:-1] == ["properties"]:
            assert says & part.keys(), place


def test_limits_in_force_stand_in_the_schema(http: httpx.Client, schema: Schema) -> None:
    limits = http.get("/v1/limits").json()
    teach = schema["paths"]["/v1/adaptations"]["post"]["requestBody"]["content"]
    ask = schema["paths"]["/v1/adaptations/{adaptation_id}/predictions"]["post"]["requestBody"]["content"]
    for body in teach.values():
        properties = _resolved(schema, body["schema"])["properties"]
        assert properties["examples"]["maxItems"] == limits["max_examples"]
        for name, limit in (("max_steps", "max_inner_steps"), ("ttl_seconds", "max_ttl_seconds")):
            [option, *_] = properties[name].get("anyOf", [properties[name]])
            assert option["maximum"] == limits[limit]
    asked = _resolved(schema, ask["application/json"]["schema"])["properties"]
    assert asked["inputs"]["maxItems"] == limits["max_predictions"]


def _resolved(schema: Schema, part: Schema) -> Schema:
    if "$ref" in part:
        return schema["components"]["schemas"][part["$ref"].rpartition("/")[2]]
    return part
