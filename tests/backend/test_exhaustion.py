"""Small requests cannot make the service work, wait or remember for long."""

import io
import socket

import httpx
import pytest
from PIL import Image

from backend.settings import Settings
from imaml.client import ApiError, Client
from tests.services import Examples, Serve, add_model


def test_a_million_faults_are_told_in_a_few_lines(
    http: httpx.Client, client: Client, examples: Examples
) -> None:
    adaptation = client.adapt("small", examples)
    faulty = b'{"inputs": [' + b",".join([b"{}"] * 500_000) + b"]}"
    refused = http.post(
        f"/v1/adaptations/{adaptation.id}/predictions",
        content=faulty,
        headers={"Content-Type": "application/json"},
    )
    assert refused.status_code in (413, 422)
    assert len(refused.content) < 5000


def test_images_of_a_request_may_not_be_too_large_together(
    serve: Serve, database_url: str, model_file: bytes
) -> None:
    add_model(database_url, model_file)
    buffer = io.BytesIO()
    Image.new("L", (100, 100), 255).save(buffer, "PNG")
    with serve(Settings(database_url=database_url, max_request_pixels=25_000)) as url, Client(url) as client:
        with pytest.raises(ApiError, match="30,000 pixels together; send 25,000") as error:
            client.adapt("small", {"a": [buffer.getvalue()] * 2, "b": [buffer.getvalue()]})
        assert (error.value.status, error.value.type) == (413, "/problems/too-many")


def test_a_body_that_does_not_come_is_not_waited_for(serve: Serve, database_url: str) -> None:
    with serve(Settings(database_url=database_url, max_body_seconds=0.2)) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            head = f"POST /v1/adaptations HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n"
            connection.sendall(f"{head}Content-Type: application/json\r\n\r\n{{".encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 408")
