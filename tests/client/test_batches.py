"""Answers to an archive come line by line, and the stream is closed with what reads it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from imaml.client import ApiError, ApiUnreachable, AsyncClient, BatchPrediction, Client, ClientError
from tests.client.conftest import Caller, Clock
from tests.client.services import Scripted, problem, refusal

NUMBER = {"filename": "1.png", "prediction": {"value": 0.5}, "problem": None}
CLASS = {
    "filename": "folder/a\u2028b\u0085c.png",
    "prediction": {
        "label": "cat",
        "confidence": 0.9,
        "unknown": False,
        "similarity": 0.7,
        "probabilities": {"cat": 0.9, "dog": 0.1},
    },
    "problem": None,
}
UNREADABLE = {"filename": "notes.txt", "prediction": None, "problem": problem(415, "unsupported-format")}
EXPECTED = [BatchPrediction.model_validate(line) for line in (NUMBER, CLASS, UNREADABLE)]


def lines(*answers: object) -> bytes:
    return b"".join(json.dumps(answer, ensure_ascii=False).encode() + b"\n" for answer in answers)


class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces that notes how many were taken, and whether it was closed."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = pieces
        self.taken = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.taken += 1
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True

    def __call__(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=self)


def test_an_archive_is_sent_as_it_is_from_a_path_or_bytes(call: Caller, tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    path.write_bytes(b"PK zip")
    service = Scripted(httpx.Response(200, content=lines(NUMBER)))
    for archive in (path, str(path), b"PK zip"):
        assert call(service, "predict_batch", "a 1", archive) == EXPECTED[:1]
    for request in service.asked:
        assert request.url.raw_path == b"/v1/adaptations/a%201/predictions/batch"
        assert request.headers["content-type"] == "application/zip"
        assert request.content == b"PK zip"


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("missing", [0, 1])
def test_lines_may_be_cut_anywhere_and_the_last_need_not_end(call: Caller, size: int, missing: int) -> None:
    body = lines(NUMBER, CLASS, UNREADABLE)
    body = body[: len(body) - missing]
    stream = Stream(*(body[start : start + size] for start in range(0, len(body), size)))
    assert call(stream, "predict_batch", "a1", b"zip") == EXPECTED
    assert stream.closed


def test_each_answer_comes_with_its_line_and_closing_ends_the_rest() -> None:
    stream = Stream(lines(NUMBER), lines(CLASS), lines(UNREADABLE))
    with Client(transport=httpx.MockTransport(stream)) as client:
        answers = client.predict_batch("a1", b"zip")
        assert stream.taken == 0
        assert next(answers) == EXPECTED[0]
        assert (stream.taken, stream.closed) == (1, False)
        answers.close()
        assert (stream.taken, stream.closed) == (1, True)


def test_the_same_of_the_asynchronous_client() -> None:
    stream = Stream(lines(NUMBER), lines(CLASS), lines(UNREADABLE))

    async def use() -> None:
        async with AsyncClient(transport=httpx.MockTransport(stream)) as client:
            answers = client.predict_batch("a1", b"zip")
            assert await anext(answers) == EXPECTED[0]
            assert (stream.taken, stream.closed) == (1, False)
            await answers.aclose()
            assert (stream.taken, stream.closed) == (1, True)

    asyncio.run(use())


def test_a_broken_stream_is_told(call: Caller) -> None:
    for piece, message in [(httpx.RemoteProtocolError("cut"), "broke off"), (b"<html>\n", "IMAML_API_URL")]:
        stream = Stream(lines(NUMBER), piece)
        with pytest.raises(ClientError, match=message):
            call(stream, "predict_batch", "a1", b"zip")
        assert stream.closed


def test_an_archive_that_is_refused_says_why(call: Caller, clock: Clock) -> None:
    with pytest.raises(ApiError, match="Invalid archive"):
        call(Scripted(refusal(503), refusal(422, "invalid-archive")), "predict_batch", "a1", b"zip")
    with pytest.raises(ApiUnreachable):
        call(Scripted(httpx.ReadTimeout("slow")), "predict_batch", "a1", b"zip")


def test_a_missing_archive_is_told_by_its_name(call: Caller) -> None:
    with pytest.raises(FileNotFoundError, match=r"no-such\.zip"):
        call(Scripted(refusal(500)), "predict_batch", "a1", "no-such.zip")
