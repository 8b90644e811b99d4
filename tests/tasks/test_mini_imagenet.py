"""Both layouts of mini-ImageNet give the same data and parts, and what is wrong with them is named."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imaml.runtime.inputs import Photos
from imaml.tasks import load
from imaml.tasks.dataset import DataError, Dataset, Split
from imaml.tasks.split import split
from tests.tasks.archives import photo

Archive = Callable[[dict[str, bytes]], Path]

CLASSES = {"train": ["n03", "n01"], "val": ["n02"], "test": ["n05", "n04"]}
EACH = 3
IMAGES = {
    f"{label}{number:08}.png": photo(100 * int(label[1:]) + number, 84, 84)
    for labels in CLASSES.values()
    for label in labels
    for number in range(EACH)
}


def tables(header: str = "filename,label") -> dict[str, bytes]:
    """The split files, which list images in reverse."""
    return {
        f"{part}.csv": "\n".join(
            [header] + [f"{name},{name[:3]}" for name in reversed(IMAGES) if name[:3] in labels]
        ).encode()
        for part, labels in CLASSES.items()
    }


FLAT = {f"images/{name}": data for name, data in IMAGES.items()} | tables()
FOLDERS = {f"images/{name[:3]}/{name}": data for name, data in IMAGES.items()} | tables()


def pixels(part: str) -> NDArray[np.uint8]:
    """The images of a part as arrays, class after class."""
    photos = Photos(3, 84, 84).read([data for name, data in IMAGES.items() if name[:3] in CLASSES[part]])
    return np.ascontiguousarray(photos.transpose(0, 2, 3, 1))


def cache(folder: Path, part: str, content: object = None, protocol: int = 4) -> None:
    """Writes the pickle of a part."""
    rows = {label: list(range(EACH * i, EACH * (i + 1))) for i, label in enumerate(CLASSES[part])}
    held = content or {"image_data": pixels(part), "class_dict": rows}
    (folder / f"mini-imagenet-cache-{part}.pkl").write_bytes(pickle.dumps(held, protocol))


@pytest.fixture
def caches(tmp_path: Path) -> Path:
    """A folder with the three pickles."""
    for part in CLASSES:
        cache(tmp_path, part)
    return tmp_path


def read(path: Path, **options: object) -> Dataset:
    """The data set at the size that it comes in."""
    return load("mini-imagenet", path, **options)


def check(dataset: Dataset) -> None:
    """That the data set is the one above."""
    assert dataset.class_names == ("n01", "n02", "n03", "n04", "n05")
    assert dataset.counts.tolist() == [EACH] * 5
    assert dataset.parts == Split(("n01", "n03"), ("n02",), ("n04", "n05"))
    assert dataset.input == Photos(3, 84, 84)
    assert np.array_equal(dataset.examples, dataset.input.read([IMAGES[name] for name in sorted(IMAGES)]))


@pytest.mark.parametrize("files", [FLAT, FOLDERS])
@pytest.mark.parametrize("prefix", ["", "mini-imagenet/"])
def test_images_are_read_by_their_lists(archive: Archive, files: dict[str, bytes], prefix: str) -> None:
    check(read(archive({prefix + name: data for name, data in files.items()})))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_are_read_from_pickles(tmp_path: Path, protocol: int) -> None:
    for part in CLASSES:
        cache(tmp_path, part, protocol=protocol)
    check(read(tmp_path))


def test_folder_zip_and_pickles_are_the_same_data(tmp_path: Path, archive: Archive, caches: Path) -> None:
    for name, data in FLAT.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(data)
    paths = [tmp_path / "folder", archive(FLAT), caches]
    assert len({read(path).fingerprint for path in paths}) == 1


@pytest.mark.parametrize(("size", "grey"), [(28, True), (84, True), (40, False)])
def test_both_layouts_are_resized_alike(archive: Archive, caches: Path, size: int, grey: bool) -> None:
    from_images = read(archive(FLAT), image_size=size, grey=grey)
    from_arrays = read(caches, image_size=size, grey=grey)
    assert from_images.examples.shape == (15, 1 if grey else 3, size, size)
    assert np.array_equal(from_images.examples, from_arrays.examples)


def test_the_data_s_own_parts_are_its_split(archive: Archive) -> None:
    dataset = read(archive(FLAT))
    assert split(dataset, seed=3) == dataset.parts


def test_images_of_one_name_are_told_apart_by_their_folder(archive: Archive) -> None:
    labels = [label for labels in CLASSES.values() for label in labels]
    files = {f"{label}/1.png": photo(index, 84, 84) for index, label in enumerate(labels)}
    lists = {
        f"{part}.csv": ("filename,label\n" + "\n".join(f"1.png,{label}" for label in labels)).encode()
        for part, labels in CLASSES.items()
    }
    dataset = read(archive(files | lists))
    assert np.array_equal(dataset.of(["n02"]), dataset.input.read([files["n02/1.png"]]))


def test_images_that_no_list_names_are_left_out(archive: Archive) -> None:
    check(read(archive(FLAT | {"images/other.png": b"not even an image"})))


def test_progress_is_told_up_to_the_end(archive: Archive, caches: Path) -> None:
    for path in (archive(FLAT), caches):
        told: list[tuple[int, int]] = []
        load("mini-imagenet", path, lambda done, total, told=told: told.append((done, total)))
        assert told[-1] == (15, 15)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"val.csv": b"filename,label\nn0200000009.png,n02"},
            r"val\.csv lists n0200000009\.png, which is not there",
        ),
        ({"val.csv": FLAT["val.csv"] + b"\nn0200000000.png,n02"}, r"n0200000000\.png, more than once"),
        ({"val.csv": b"filename,label\nn0100000000.png,n01"}, r"n0100000000\.png, more than once"),
        ({"other/n0200000001.png": b""}, r"n0200000001\.png, which is not there"),
        ({"val.csv": b"file,class\na,b"}, r"val\.csv is no table with a filename and a label"),
        ({"val.csv": FLAT["val.csv"] + b"\nn0200000009.png,"}, r"val\.csv is no table"),
        ({"val.csv": b"\xff\xfe"}, r"val\.csv is no table"),
        ({"val.csv": b"filename,label"}, "no classes in its part val"),
        ({"more/val.csv": FLAT["val.csv"]}, r"has 2 files val\.csv"),
        ({"images/n0200000001.png": b"text"}, r"n0200000001\.png: .*not a PNG"),
    ],
)
def test_wrong_lists_and_images_are_named(archive: Archive, change: dict[str, bytes], reason: str) -> None:
    with pytest.raises(DataError, match=rf"archive\.zip.*{reason}"):
        read(archive(FLAT | change))


def test_a_class_in_two_parts_is_refused(archive: Archive) -> None:
    moved = FLAT["train.csv"].replace(b"n0100000000.png,n01", b"n0100000000.png,n02")
    with pytest.raises(DataError, match="the class n02 in two parts"):
        read(archive(FLAT | {"train.csv": moved}))


def test_folders_without_lists_are_told_of_another_way(archive: Archive) -> None:
    bare = {name: data for name, data in FOLDERS.items() if not name.endswith(".csv")}
    with pytest.raises(DataError, match=r"has 0 files train\.csv.*--dataset folder"):
        read(archive(bare))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([1, 2], "no image_data and class_dict"),
        ({"image_data": pixels("val")}, "no image_data and class_dict"),
        ({"image_data": pixels("val").astype(np.int64), "class_dict": {"a": [0]}}, r"int64 \[3, 84, 84, 3\]"),
        ({"image_data": pixels("val")[..., 0], "class_dict": {"a": [0]}}, r"uint8 \[3, 84, 84\]"),
        ({"image_data": pixels("val"), "class_dict": {"a": [0, 3]}}, "class a is not a list of images"),
        ({"image_data": pixels("val"), "class_dict": {"a": [0, -1]}}, "class a is not a list"),
        ({"image_data": pixels("val"), "class_dict": {"a": []}}, "class a is not a list"),
        ({"image_data": pixels("val"), "class_dict": {"a": 3}}, "class a is not a list"),
        ({"image_data": pixels("val"), "class_dict": {"a": [0], "b": [0]}}, "class b is not a list"),
        ({"image_data": pixels("val"), "class_dict": {"a": [0, 0]}}, "class a is not a list"),
        ({"image_data": pixels("val"), "class_dict": {}}, "no classes in its part val"),
        ({"image_data": pixels("val"), "class_dict": {"n01": [0]}}, "the class n01 in two parts"),
        ({"image_data": np.array([print]), "class_dict": {}}, "asks for .*print|array of type 'O"),
    ],
)
def test_wrong_pickles_are_named(caches: Path, content: Any, reason: str) -> None:
    cache(caches, "val", content)
    with pytest.raises(DataError, match=reason):
        read(caches)


def test_rows_may_be_arrays(caches: Path) -> None:
    cache(caches, "val", {"image_data": pixels("val"), "class_dict": {"n02": np.arange(EACH)}})
    check(read(caches))


def test_a_missing_pickle_is_named(caches: Path) -> None:
    (caches / "mini-imagenet-cache-test.pkl").unlink()
    with pytest.raises(DataError, match=r"mini-imagenet-cache-test\.pkl cannot be read"):
        read(caches)
