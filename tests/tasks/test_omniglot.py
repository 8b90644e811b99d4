"""The official layout is read from folder and zip alike, and what is wrong with it is named."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imaml.runtime.preprocessing import preprocess
from imaml.tasks import load
from imaml.tasks.dataset import DataError
from tests.tasks.archives import FILES, drawing

Archive = Callable[[dict[str, bytes]], Path]

CHARACTERS = ("Latin/character01", "Latin/character02", "Latin/character10", "Ogham/character01")


def under(prefix: str) -> dict[str, bytes]:
    """The files with their alphabets in the folder `prefix`."""
    return {prefix + name: data for name, data in FILES.items()}


def test_images_are_grouped_by_character_and_preprocessed(folder: Path) -> None:
    dataset = load("omniglot", folder)
    assert dataset.class_names == CHARACTERS
    assert dataset.counts.tolist() == [3, 2, 4, 1]
    assert dataset.offsets.tolist() == [0, 3, 5, 9, 10]
    assert np.array_equal(dataset.examples[:, 0], [preprocess(data) for data in FILES.values()])


@pytest.mark.parametrize("below", ["", "images_background"])
@pytest.mark.parametrize("prefix", ["", "images_background/", "omniglot/python/images_background/"])
def test_folder_and_zip_at_any_depth_are_the_same_data(
    folder: Path, archive: Archive, below: str, prefix: str
) -> None:
    from_folder, from_zip = load("omniglot", folder / below), load("omniglot", archive(under(prefix)))
    assert from_folder.fingerprint == from_zip.fingerprint
    assert from_folder.class_names == from_zip.class_names
    assert np.array_equal(from_folder.examples, from_zip.examples)


def test_the_order_of_entries_does_not_matter(archive: Archive) -> None:
    entries = under("images_background/")
    forward = load("omniglot", archive(entries)).fingerprint
    assert load("omniglot", archive(dict(reversed(entries.items())))).fingerprint == forward


def test_one_alphabet_can_be_given_alone(folder: Path) -> None:
    assert load("omniglot", folder / "images_background" / "Latin").class_names == CHARACTERS[:3]


def test_background_and_evaluation_are_read_together(archive: Archive) -> None:
    entries = under("images_background/") | {"images_evaluation/Aramaic/character01/0900_01.png": drawing(9)}
    assert load("omniglot", archive(entries)).class_names == ("Aramaic/character01", *CHARACTERS)


@pytest.mark.parametrize(
    "change",
    [
        {"Latin/character02/0001_01.png": drawing(77)},
        {"Latin/character02/0001_03.png": drawing(78)},
        {"Zulu/character01/0900_01.png": drawing(79)},
    ],
)
def test_the_fingerprint_tells_other_data(archive: Archive, change: dict[str, bytes]) -> None:
    original = load("omniglot", archive(FILES)).fingerprint
    assert load("omniglot", archive(FILES | change)).fingerprint != original


def test_the_fingerprint_tells_other_names(archive: Archive) -> None:
    renamed = {name.replace("Ogham", "Runic"): data for name, data in FILES.items()}
    original = load("omniglot", archive(FILES)).fingerprint
    assert load("omniglot", archive(renamed)).fingerprint != original


def test_what_file_managers_leave_is_ignored(archive: Archive, folder: Path) -> None:
    litter = {
        "__MACOSX/Latin/character01/0000_09.png": b"resource fork",
        "Latin/character01/._0000_01.png": b"resource fork",
        "Latin/character01/.DS_Store": b"",
        "Latin/character01/notes.txt": b"",
        "Latin/preview.png": b"",
    }
    assert load("omniglot", archive(FILES | litter)).fingerprint == load("omniglot", folder).fingerprint


def test_progress_is_told_up_to_the_end(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    load("omniglot", folder, lambda done, total: told.append((done, total)))
    assert told[-1] == (10, 10)


def test_nothing_is_written_next_to_the_archive(archive: Archive) -> None:
    path = archive(FILES)
    load("omniglot", path)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "entry", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "C:\\evil.png", "..\\evil.png"]
)
def test_an_entry_that_points_outside_is_refused(archive: Archive, entry: str) -> None:
    with pytest.raises(DataError, match="outside of the archive") as failure:
        load("omniglot", archive(FILES | {entry: drawing(1)}))
    assert entry in str(failure.value)


def test_an_image_that_is_none_is_named_in_a_zip(archive: Archive) -> None:
    with pytest.raises(DataError, match=r"archive\.zip: Latin/character01/0000_02\.png: .*not a PNG"):
        load("omniglot", archive(FILES | {"Latin/character01/0000_02.png": b"text"}))


def test_an_image_that_is_none_is_named_in_a_folder(folder: Path) -> None:
    file = folder / "images_background" / "Latin" / "character01" / "0000_02.png"
    file.write_bytes(drawing(1)[:80])
    with pytest.raises(DataError, match=r"character01/0000_02\.png: .*damaged"):
        load("omniglot", folder)


def test_a_huge_file_is_refused(archive: Archive, folder: Path) -> None:
    huge = bytes(10_000_001)
    with pytest.raises(DataError, match=r"0000_02\.png has more than 10,000,000 bytes"):
        load("omniglot", archive(FILES | {"Latin/character01/0000_02.png": huge}))
    (folder / "images_background" / "Latin" / "character01" / "0000_02.png").write_bytes(huge)
    with pytest.raises(DataError, match=r"0000_02\.png has more than 10,000,000 bytes"):
        load("omniglot", folder)


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere does not exist.*characterNN"):
        load("omniglot", tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short"])
def test_a_file_that_is_no_zip_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"data\.zip is neither a folder nor a zip"):
        load("omniglot", tmp_path / "data.zip")


@pytest.mark.parametrize(
    "names", [[], ["readme.txt"], ["photos/cat.png"], ["Latin/A/0001_01.png"], ["character01/1.png"]]
)
def test_an_archive_without_the_layout_is_told_of_it(archive: Archive, names: list[str]) -> None:
    with pytest.raises(DataError, match=r"no images laid out as ALPHABET/characterNN/IIII_KK\.png"):
        load("omniglot", archive(dict.fromkeys(names, drawing(1))))


def test_an_empty_folder_is_told_of_the_layout(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no images laid out as"):
        load("omniglot", tmp_path)


def test_a_damaged_entry_is_named(archive: Archive) -> None:
    path = archive(FILES)
    with zipfile.ZipFile(path) as source:
        entry = source.getinfo("Latin/character10/0002_03.png")
    content = bytearray(path.read_bytes())
    content[entry.header_offset + 60 : entry.header_offset + 90] = bytes(30)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"archive\.zip: Latin/character10/0002_03\.png cannot be read"):
        load("omniglot", path)


def test_a_character_that_is_there_twice_is_told(archive: Archive) -> None:
    both = under("images_background/") | under("images_background_small1/")
    with pytest.raises(
        DataError, match=r"Latin/character01 twice, in images_background.* and images_background_small1"
    ):
        load("omniglot", archive(both))


def test_a_loop_of_links_ends_in_an_error(folder: Path) -> None:
    (folder / "images_background" / "again").symlink_to(folder, target_is_directory=True)
    with pytest.raises(DataError, match="symbolic link"):
        load("omniglot", folder)


def test_an_image_that_is_a_link_to_itself_is_named(folder: Path) -> None:
    link = folder / "images_background" / "Latin" / "character01" / "0000_09.png"
    link.symlink_to(link)
    with pytest.raises(DataError, match=r"0000_09\.png cannot be read"):
        load("omniglot", folder)


def test_a_link_to_itself_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(DataError, match="loop"):
        load("omniglot", tmp_path / "loop")
