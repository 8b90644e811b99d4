"""Zips of images are opened with care, and their folders name the classes."""

import io
import zipfile

import pytest

from dashboard.teach.archive import ArchiveError, pictures
from dashboard.teach.lesson import Desk, Picture


def _zip(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def test_folders_name_the_classes_and_what_systems_add_is_left_out() -> None:
    files = {"set/cat/1.png": b"a", "set/dog/1.png": b"b", "loose.png": b"c"}
    others = {"__MACOSX/set/cat/._1.png": b"x", "set/cat/.DS_Store": b"x", "set/Thumbs.db": b"x", "set/": b""}
    assert pictures("set.zip", _zip(files | others), 100) == [
        Picture("1.png", b"a", "cat"),
        Picture("1.png", b"b", "dog"),
        Picture("loose.png", b"c", ""),
    ]


BAD_ZIPS = {
    "no zip": (b"hello", "it is no zip"),
    "cut off": (_zip({"a.png": b"a"})[:40], "it is no zip"),
    "empty": (_zip({}), "there are no files"),
    "too large": (_zip({"a.png": bytes(2 * 2**20)}), "unpacked it has more than 1 MiB"),
}


@pytest.mark.parametrize(("data", "said"), BAD_ZIPS.values(), ids=BAD_ZIPS)
def test_what_is_no_zip_or_too_large_is_told(data: bytes, said: str) -> None:
    with pytest.raises(ArchiveError, match=f"^set.zip: .*{said}"):
        pictures("set.zip", data, 2**20)


def test_images_are_sorted_into_the_classes_of_their_folders() -> None:
    desk = Desk()
    desk.groups[0].name = "cat"
    desk.sort_in(
        [Picture("1.png", b"a", "dog"), Picture("2.png", b"b", "cat"), Picture("3.png", b"c", "dog")]
    )
    found = {group.name: [picture.name for picture in group.pictures] for group in desk.groups}
    assert found == {"cat": ["2.png"], "dog": ["1.png", "3.png"]}
    [cat, dog] = desk.groups
    assert desk.query(Picture("4.png", b"d", "dog")).group == dog.number
    assert desk.query(Picture("5.png", b"e", "bird")).group is None
    asked = desk.query(Picture("6.png", b"f"))
    desk.correct(asked, cat.number)
    assert (asked.group, asked.learned, cat.pictures[-1].name) == (cat.number, True, "6.png")
