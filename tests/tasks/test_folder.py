"""Class folders are read at any depth, from folder and zip alike, and what is wrong with them is named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imaml.runtime.inputs import Photos
from imaml.tasks import archive as archives
from imaml.tasks import load
from imaml.tasks.dataset import DataError, Dataset, Split
from imaml.tasks.split import split
from tests.tasks.archives import photo

Archive = Callable[[dict[str, bytes]], Path]

FILES = {
    "ant/1.png": photo(1),
    "ant/2.JPEG": photo(2, image_format="JPEG"),
    "big cat/lion/b.webp": photo(3, image_format="WEBP"),
    "big cat/lion/a.bmp": photo(4, image_format="BMP"),
    "cow/1.jpg": photo(5, image_format="JPEG"),
}
PARTS = {
    f"{part}/{name}/{number}.png": photo(10 * index + number)
    for index, (part, name) in enumerate(
        [("train", "ant"), ("train", "bee"), ("val", "cow"), ("test", "dog"), ("test", "elk")]
    )
    for number in range(2)
}


def read(path: Path, **options: object) -> Dataset:
    """The folder's images at 16 x 16 pixels."""
    return load("folder", path, **{"image_size": 16, **options})


def written(root: Path, files: dict[str, bytes]) -> Path:
    """The folder, with these files in it."""
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def test_images_are_grouped_by_folder_and_sorted(archive: Archive) -> None:
    dataset = read(archive(FILES))
    assert dataset.class_names == ("ant", "big cat/lion", "cow")
    assert dataset.counts.tolist() == [2, 2, 1]
    order = ["ant/1.png", "ant/2.JPEG", "big cat/lion/a.bmp", "big cat/lion/b.webp", "cow/1.jpg"]
    assert dataset.input == Photos(3, 16, 16)
    assert np.array_equal(dataset.examples, dataset.input.read([FILES[name] for name in order]))
    assert dataset.parts is None
    assert dataset.task == "classification"


def test_images_can_be_grey(archive: Archive) -> None:
    dataset = read(archive(FILES), grey=True, image_size=28)
    assert dataset.input == Photos(1, 28, 28)
    assert dataset.examples.shape == (5, 1, 28, 28)


@pytest.mark.parametrize("prefix", ["", "animals/", "data/animals/"])
@pytest.mark.parametrize("files", [FILES, PARTS])
def test_folder_and_zip_at_any_depth_are_the_same_data(
    tmp_path: Path, archive: Archive, prefix: str, files: dict[str, bytes]
) -> None:
    from_folder = read(written(tmp_path / "folder", files))
    from_zip = read(archive({prefix + name: data for name, data in files.items()}))
    assert from_folder.fingerprint == from_zip.fingerprint
    assert from_folder.class_names == from_zip.class_names
    assert from_folder.parts == from_zip.parts


def test_size_and_colours_make_other_data(archive: Archive) -> None:
    path = archive(FILES)
    found = {read(path).fingerprint, read(path, image_size=17).fingerprint, read(path, grey=True).fingerprint}
    assert len(found) == 3


def test_topmost_folders_can_be_the_parts(archive: Archive) -> None:
    dataset = read(archive(PARTS))
    assert dataset.class_names == ("ant", "bee", "cow", "dog", "elk")
    assert dataset.parts == Split(("ant", "bee"), ("cow",), ("dog", "elk"))
    assert split(dataset, seed=5) == dataset.parts
    assert np.array_equal(
        dataset.of(["cow"]), dataset.input.read([PARTS["val/cow/0.png"], PARTS["val/cow/1.png"]])
    )
    longer = {name.replace("val/", "validation/"): data for name, data in PARTS.items()}
    assert read(archive(longer)).parts == dataset.parts


def test_a_class_may_be_called_like_a_part(archive: Archive) -> None:
    vehicles = {"train/1.png": photo(1), "test/1.png": photo(2), "car/1.png": photo(3)}
    dataset = read(archive(vehicles))
    assert dataset.class_names == ("car", "test", "train")
    assert dataset.parts is None


def test_a_class_in_two_parts_is_refused(archive: Archive) -> None:
    with pytest.raises(DataError, match="has the class cow in two parts"):
        read(archive(PARTS | {"train/cow/1.png": photo(9)}))


def test_a_missing_part_is_named(archive: Archive) -> None:
    rest = {name: data for name, data in PARTS.items() if not name.startswith("val")}
    with pytest.raises(DataError, match="in test, train but none for validation"):
        read(archive(rest))


def test_what_file_managers_leave_is_ignored(archive: Archive) -> None:
    litter = {
        "__MACOSX/ant/1.png": b"resource fork",
        "ant/._1.png": b"resource fork",
        ".thumbnails/1.png": b"",
        "ant/notes.txt": b"",
        "preview.txt": b"",
    }
    assert read(archive(FILES | litter)).fingerprint == read(archive(FILES)).fingerprint


def test_an_image_that_is_none_is_named(archive: Archive, tmp_path: Path) -> None:
    broken = FILES | {"ant/3.jpg": b"text"}
    with pytest.raises(DataError, match=r"archive\.zip: ant/3\.jpg: .*not a PNG"):
        read(archive(broken))
    with pytest.raises(DataError, match=r"ant/3\.jpg: .*not a PNG"):
        read(written(tmp_path / "folder", broken))


def test_an_image_outside_of_class_folders_is_named(archive: Archive) -> None:
    with pytest.raises(DataError, match=r"stray\.png is in no class folder"):
        read(archive(FILES | {"stray.png": photo(1)}))


@pytest.mark.parametrize("files", [{}, {"ant/notes.txt": b"text"}])
def test_an_archive_without_images_is_told_of_the_layout(archive: Archive, files: dict[str, bytes]) -> None:
    with pytest.raises(DataError, match=r"no images laid out as CLASS/anything\.png"):
        read(archive(files))


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere does not exist.*CLASS/anything"):
        read(tmp_path / "nowhere")


def test_too_large_files_are_refused(archive: Archive) -> None:
    with pytest.raises(DataError, match=r"ant/9\.png has more than 50,000,000 bytes"):
        read(archive(FILES | {"ant/9.png": bytes(50_000_001)}))


def test_more_images_than_memory_holds_are_counted(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_LARGEST_ARRAY", 5 * 3 * 16 * 16 - 1)
    with pytest.raises(DataError, match=r"has 5 images, .* at 16 x 16 pixels"):
        read(archive(FILES))


@pytest.mark.parametrize("size", [0, 5000])
def test_an_impossible_size_is_refused(archive: Archive, size: int) -> None:
    with pytest.raises(DataError, match=f"{size} x {size} pixels"):
        read(archive(FILES), image_size=size)


def test_progress_is_told_up_to_the_end(archive: Archive) -> None:
    told: list[tuple[int, int]] = []
    load("folder", archive(FILES), lambda done, total: told.append((done, total)), image_size=8)
    assert told[-1] == (5, 5)
