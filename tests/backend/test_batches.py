"""A zip of images: a line for each, in order and one by one, whatever is in the zip."""

import io
import json
import re
import shutil
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from backend.settings import Settings
from backend.work import batches
from imaml.client import Adaptation, Client
from tests.backend.test_kinds import PHOTO_EXAMPLES, VECTOR_EXAMPLES, photo
from tests.services import Examples, Serve, add_model

Lines = list[dict[str, Any]]

MAX_BODY, MAX_PIXELS, MAX_BATCH = 2**20, 250_000, 400


def packed(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def url(
    serve: Serve, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, model_file: bytes
) -> Iterator[str]:
    """A service with small limits and the model `small`."""
    database = shutil.copy(sqlite_template, tmp_path_factory.mktemp("batches") / "imaml.db")
    address = f"sqlite:///{database}"
    add_model(address, model_file)
    settings = Settings(
        database_url=address, max_body_bytes=MAX_BODY, max_pixels=MAX_PIXELS, max_batch=MAX_BATCH, workers=2
    )
    with serve(settings) as service:
        yield service


@pytest.fixture
def small(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


@pytest.fixture
def adaptation(small: Client, examples: Examples) -> Adaptation:
    return small.adapt("small", examples)


def batch_path(adaptation: Adaptation) -> str:
    return f"/v1/adaptations/{adaptation.id}/predictions/batch"


def post(
    client: Client, adaptation: Adaptation, content: bytes, kind: str = "application/zip"
) -> httpx.Response:
    headers = {"Content-Type": kind}
    return httpx.post(f"{client.url}{batch_path(adaptation)}", content=content, headers=headers, timeout=60)


def lines_of(response: httpx.Response) -> Lines:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert all(line.keys() == {"filename", "prediction", "problem"} for line in lines)
    assert all((line["prediction"] is None) != (line["problem"] is None) for line in lines)
    return lines


def check_refused(response: httpx.Response, status: int, kind: str, message: str) -> None:
    problem = response.json()
    assert (response.status_code, problem["type"]) == (status, f"/problems/{kind}"), problem
    assert message in problem["detail"]


def check_same(client: Client, adaptation: Adaptation, images: list[bytes], lines: Lines) -> None:
    for line, expected in zip(lines, client.predict(adaptation.id, images), strict=True):
        found = line["prediction"]
        assert found.keys() == {"label", "confidence", "unknown", "similarity", "probabilities"}
        assert (found["label"], found["unknown"]) == (expected.label, expected.unknown)
        assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
        assert found["similarity"] == pytest.approx(expected.similarity, abs=1e-5)
        assert found["confidence"] == max(found["probabilities"].values())


def test_lines_say_what_predictions_say(small: Client, adaptation: Adaptation, queries: list[bytes]) -> None:
    images = (queries * 10)[:75]  # more than are answered at once
    names = [f"folder {index % 3}/é{index:03}.png" for index in range(len(images))][::-1]
    lines = lines_of(post(small, adaptation, packed(dict(zip(names, images, strict=True)))))
    assert [line["filename"] for line in lines] == names
    check_same(small, adaptation, images, lines)


def test_photographs_are_answered_too(kinds: Client) -> None:
    adaptation = kinds.adapt("photos", PHOTO_EXAMPLES)
    images = [photo(colour) for colour in ("#f01010", "#1010f0", "#808080")]
    archive = packed({f"{index}.png": image for index, image in enumerate(images)}, zipfile.ZIP_STORED)
    check_same(kinds, adaptation, images, lines_of(post(kinds, adaptation, archive)))


def test_models_on_vectors_take_no_images(kinds: Client) -> None:
    adaptation = kinds.adapt("vectors", VECTOR_EXAMPLES)
    check_refused(post(kinds, adaptation, packed({"1.png": b"x"})), 422, "no-images", "takes vectors")


@pytest.mark.parametrize(
    "kind", ["application/zip", "application/octet-stream", "application/x-zip-compressed"]
)
def test_zip_may_be_the_body(small: Client, adaptation: Adaptation, queries: list[bytes], kind: str) -> None:
    assert len(lines_of(post(small, adaptation, packed({"1.png": queries[0]}), kind))) == 1


@pytest.mark.parametrize("field", ["archive", "anything"])
def test_zip_may_be_a_field(small: Client, adaptation: Adaptation, queries: list[bytes], field: str) -> None:
    files = {field: ("images.zip", packed({"1.png": queries[0]}), "application/zip")}
    assert len(lines_of(httpx.post(f"{small.url}{batch_path(adaptation)}", files=files))) == 1


def encrypted(archive: bytes) -> bytes:
    return _patched(archive, 6, 8, "<H", lambda flags: flags | 1)


def lying(archive: bytes) -> bytes:
    return _patched(archive, 22, 24, "<I", lambda size: 100)


def _patched(archive: bytes, local: int, listed: int, kind: str, change: Callable[[int], int]) -> bytes:
    """Change a number in the header of the only entry and in the directory."""
    data = bytearray(archive)
    for start in (data.index(b"PK\3\4") + local, data.index(b"PK\1\2") + listed):
        struct.pack_into(kind, data, start, change(*struct.unpack_from(kind, data, start)))
    return bytes(data)


def spliced(good: bytes, bad: bytes) -> bytes:
    """One zip of three entries: the only one of `bad` between two drawings, as it is."""
    before, after = packed({"before.png": good}), packed({"after.png": good})
    body, directory, position = b"", b"", 0
    for archive in (before, bad, after):
        start = archive.index(b"PK\1\2")
        listed = bytearray(archive[start : archive.index(b"PK\5\6")])
        struct.pack_into("<I", listed, 42, position)
        directory += listed
        body += archive[:start]
        position += start
    return body + directory + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 3, 3, len(directory), len(body), 0)


def broken(archive: bytes) -> bytes:
    """The archive with another byte in the middle of its entry."""
    data = bytearray(archive)
    data[data.index(b"PK\1\2") // 2] ^= 0xFF
    return bytes(data)


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


NOISE = bytes(range(256)) * 8
BAD: dict[str, tuple[bytes, int, str, str]] = {
    "no image": (packed({"bad": b"hello"}), 415, "unsupported-image", "not a PNG"),
    "empty": (packed({"bad": b""}), 422, "unreadable-image", "empty"),
    "cut short": (packed({"bad": photo("red")[:60]}), 422, "unreadable-image", "damaged or cut short"),
    "too many pixels": (packed({"bad": png(1000, 1000)}), 413, "image-too-large", "1000 x 1000 pixels"),
    "damaged in the zip": (broken(packed({"bad": NOISE}, 0)), 422, "unreadable-image", "CRC-32"),
    "damaged stream": (broken(packed({"bad": photo("red") * 9})), 422, "unreadable-image", "pack it again"),
    "encrypted": (encrypted(packed({"bad": NOISE})), 422, "unreadable-image", "without a password"),
    "packed by LZMA": (packed({"bad": NOISE}, zipfile.ZIP_LZMA), 422, "unreadable-image", "deflate"),
    "too large": (packed({"bad": bytes(MAX_BODY + 1)}), 413, "image-too-large", "1,048,577 bytes"),
    "a bomb": (packed({"bad": bytes(200 * 2**20)}), 413, "image-too-large", "209,715,200 bytes"),
    "a bomb that lies": (lying(packed({"bad": bytes(200 * 2**20)})), 422, "unreadable-image", "CRC-32"),
}


@pytest.mark.parametrize(("archive", "status", "kind", "message"), BAD.values(), ids=BAD)
def test_bad_image_is_a_line_and_the_others_are_answered(
    small: Client,
    adaptation: Adaptation,
    queries: list[bytes],
    archive: bytes,
    status: int,
    kind: str,
    message: str,
) -> None:
    before, bad, after = lines_of(post(small, adaptation, spliced(queries[0], archive)))
    check_same(small, adaptation, [queries[0]] * 2, [before, after])
    problem = bad["problem"]
    assert problem.keys() == {"type", "title", "status", "detail", "errors"}
    assert (problem["status"], problem["type"]) == (status, f"/problems/{kind}"), problem
    assert problem["detail"].startswith("bad: ")
    assert message in problem["detail"]
    assert (before["filename"], bad["filename"], after["filename"]) == ("before.png", "bad", "after.png")


def test_only_bad_images_are_lines_as_well(small: Client, adaptation: Adaptation) -> None:
    lines = lines_of(post(small, adaptation, packed({"a": b"x", "b": b"y"})))
    assert [line["problem"]["status"] for line in lines] == [415, 415]


@pytest.mark.parametrize("lie", [lambda archive: archive, lying])
def test_a_bomb_takes_no_memory(queries: list[bytes], lie: Callable[[bytes], bytes]) -> None:
    data = spliced(queries[0], lie(packed({"bad": bytes(200 * 2**20)})))
    tracemalloc.start()
    try:
        archive = batches.open_archive(data, 3)
        with pytest.raises(batches.Problem):
            batches._unpack(archive.file, archive.images[1], "bad", MAX_BODY)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_BODY
    finally:
        tracemalloc.stop()


def test_what_systems_put_beside_images_is_skipped(
    small: Client, adaptation: Adaptation, queries: list[bytes]
) -> None:
    others = (
        "cat/",
        "__MACOSX/cat/._1.png",
        "__MACOSX/2.png",
        "cat/Thumbs.db",
        "desktop.ini",
        ".DS_Store",
        "cat/.DS_Store",
    )
    archive = packed({**dict.fromkeys(others, b""), "cat/1.png": queries[0], "./2.png": queries[1]})
    names = [line["filename"] for line in lines_of(post(small, adaptation, archive))]
    assert names == ["cat/1.png", "./2.png"]


def test_entry_without_a_name_is_an_image_like_others() -> None:
    nameless = packed({"~": b"x"}).replace(b"~", b"\0")
    assert [image.filename for image in batches.open_archive(nameless, 1).images] == [""]


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (b"hello", "not a zip"),
        (packed({"1.png": NOISE})[:-30], "not a zip"),
        (photo("red"), "not a zip"),
        (packed({}), "no files"),
        (packed({"folder/": b"", ".DS_Store": b"x"}), "no files"),
    ],
    ids=["text", "cut short", "an image", "empty", "nothing but folders"],
)
def test_what_is_no_zip_of_images_is_refused_as_a_whole(
    small: Client, adaptation: Adaptation, archive: bytes, message: str
) -> None:
    check_refused(post(small, adaptation, archive), 422, "invalid-archive", message)


def test_too_many_images_are_refused_as_a_whole(small: Client, adaptation: Adaptation) -> None:
    full = {f"{index}.png": b"x" for index in range(MAX_BATCH)}
    assert len(lines_of(post(small, adaptation, packed({**full, "folder/": b""})))) == MAX_BATCH
    check_refused(
        post(small, adaptation, packed({**full, "1 more": b"x"})), 413, "too-many", "send 400 images"
    )
    folders = {f"{index}/": b"" for index in range(10 * MAX_BATCH)}
    check_refused(
        post(small, adaptation, packed({**folders, **full})), 413, "too-many", "more than 4000 entries"
    )


def test_form_of_the_request_is_checked(small: Client, adaptation: Adaptation) -> None:
    check_refused(post(small, adaptation, b""), 400, "empty-request", "no body")
    check_refused(
        post(small, adaptation, b"x", "text/plain"), 415, "unsupported-media-type", "application/zip"
    )
    check_refused(post(small, adaptation, bytes(MAX_BODY + 1)), 413, "body-too-large", "send less")
    nobody = httpx.post(f"{small.url}/v1/adaptations/nobody/predictions/batch", content=b"x")
    assert nobody.status_code == 404


def test_limit_is_told(small: Client) -> None:
    assert small.limits().max_batch == MAX_BATCH


def chunks_done(url: str) -> int:
    metrics = httpx.get(f"{url}/metrics").text
    [count] = re.findall(r'^imaml_stage_seconds_count\{stage="decode"\} (\S+)', metrics, re.MULTILINE)
    return int(float(count))


def test_first_line_comes_before_the_last_is_known_and_who_leaves_stops_the_work(
    small: Client, adaptation: Adaptation
) -> None:
    large = png(490, 490)
    archive = packed({f"{index}.png": large for index in range(MAX_BATCH)})
    before, chunks = chunks_done(small.url), -(-MAX_BATCH // 32)
    with httpx.stream(
        "POST",
        f"{small.url}{batch_path(adaptation)}",
        content=archive,
        headers={"Content-Type": "application/zip"},
    ) as response:
        first = json.loads(next(response.iter_lines()))
        assert first["filename"] == "0.png"
        assert chunks_done(small.url) - before < chunks - 1
    done = -1
    while done != (done := chunks_done(small.url)):
        time.sleep(0.5)  # what is under way is finished
    assert done - before < chunks - 1


def test_full_service_does_not_break_an_answer_off(
    small: Client, adaptation: Adaptation, queries: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, refused = batches.Engine.run, iter([False, True, False, True, True])

    async def sometimes_full(self: batches.Engine, work: Callable[..., Any], *args: object) -> Any:
        if work is not batches.open_archive and next(refused, False):
            raise batches.Problem(503, "server-full", "The service has more work than it can queue.")
        return await run(self, work, *args)

    monkeypatch.setattr(batches.Engine, "run", sometimes_full)
    images = (queries * 13)[:100]
    archive = packed({f"{index}.png": image for index, image in enumerate(images)})
    assert len(lines_of(post(small, adaptation, archive))) == len(images)


def test_batch_is_described(small: Client) -> None:
    schema = httpx.get(f"{small.url}/openapi.json").json()
    operation = schema["paths"]["/v1/adaptations/{adaptation_id}/predictions/batch"]["post"]
    content = operation["responses"]["200"]["content"]
    assert list(content) == ["application/x-ndjson"]
    line = content["application/x-ndjson"]
    name = line["schema"]["$ref"].rpartition("/")[2]
    for example in line["example"].splitlines():
        assert json.loads(example).keys() == schema["components"]["schemas"][name]["properties"].keys()
    sent = operation["requestBody"]["content"]
    assert sent.pop("multipart/form-data")["schema"]["$ref"].endswith("/ArchiveForm")
    assert set(sent) == {"application/zip", "application/octet-stream", "application/x-zip-compressed"}
