"""Files are read and images encoded beside the event loop, whatever their names and whoever shares them."""

import asyncio
import io
import os
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import PIL.Image
import pytest

from imaml.client import ApiError, AsyncClient
from tests.client.conftest import Caller
from tests.client.services import Scripted, refusal

CONTENT = b"any bytes"

CALLS: dict[str, Any] = {
    "upload_model": lambda file: [file],
    "preprocess": lambda file: [file],
    "adapt": lambda file: ["small", {"cat": [file], "dog": [b"2"]}],
    "submit": lambda file: ["small", {"cat": [file], "dog": [b"2"]}],
    "add_examples": lambda file: ["a1", {"cat": [file]}],
    "submit_examples": lambda file: ["a1", {"cat": [file]}],
    "predict": lambda file: ["a1", [file]],
    "predict_numbers": lambda file: ["a1", [file]],
    "predict_batch": lambda file: ["a1", file],
}


@pytest.mark.parametrize("method", CALLS)
def test_the_loop_goes_on_while_a_file_is_read(method: str) -> None:
    """It is the loop that writes the file, a pipe: who read it there would wait for ever."""
    service = Scripted(refusal(404))

    async def ask(file: str) -> None:
        async with AsyncClient(transport=httpx.MockTransport(service)) as client:
            answer = getattr(client, method)(*CALLS[method](file))
            with pytest.raises(ApiError):
                await (anext(answer) if method == "predict_batch" else answer)

    async def write(end: int) -> None:
        with open(end, "wb") as pipe:
            pipe.write(CONTENT)

    async def both() -> None:
        read_end, write_end = os.pipe()
        try:
            await asyncio.gather(ask(f"/dev/fd/{read_end}"), write(write_end))
        finally:
            os.close(read_end)

    asyncio.run(both())
    assert CONTENT in service.asked[0].content


def test_calls_at_once_may_share_an_image_that_is_not_loaded_yet() -> None:
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), np.uint8)
    PIL.Image.fromarray(noise).save(file, "PNG")
    service = Scripted(httpx.Response(200, content=b"seen"))

    async def use() -> list[bytes]:
        async with AsyncClient(transport=httpx.MockTransport(service)) as client:
            with PIL.Image.open(file) as image:
                return await asyncio.gather(*(client.preprocess(image) for _ in range(4)))

    assert asyncio.run(use()) == [b"seen"] * 4


def test_a_file_whose_name_is_no_text_is_sent(call: Caller, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.png"
    with open(path, "wb") as file:
        file.write(CONTENT)
    service = Scripted(httpx.Response(200, content=b"seen"))
    assert call(service, "preprocess", os.fsdecode(path)) == b"seen"
    assert b'filename="caf?.png"' in service.asked[0].content
