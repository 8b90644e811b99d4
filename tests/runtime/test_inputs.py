"""An input survives its description, its examples survive PNG files, and wrong descriptions are refused."""

import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imaml.runtime import preprocessing
from imaml.runtime.decoding import ImageError
from imaml.runtime.inputs import Drawings, Input, InputError, Photos, Vectors, from_description

INPUTS: list[Input] = [
    Drawings(),
    Photos(3, 84, 84),
    Photos(1, 28, 40),
    Vectors((0.5, -1e6, 0.1), (2.0, 0.0, 1e-3)),
]
IMAGES = [seen_as for seen_as in INPUTS if not isinstance(seen_as, Vectors)]


def png(width: int, height: int) -> bytes:
    """A file with something else at every place."""
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("seen_as", INPUTS)
def test_an_input_is_made_again_from_its_description(seen_as: Input) -> None:
    assert from_description(json.loads(json.dumps(seen_as.describe()))) == seen_as


def test_descriptions_are_those_of_stored_models() -> None:
    image = {"kind": "image", "channels": 1, "height": 28, "width": 28, "preprocessing": 1}
    assert from_description(image) == Drawings()
    photo = {"kind": "image", "channels": 3, "height": 84, "width": 84, "preprocessing": "photo-1"}
    assert from_description(photo) == Photos(3, 84, 84)
    vector = {"kind": "vector", "length": 2, "mean": [0, 1.5], "scale": [1, 2]}
    assert from_description(vector) == Vectors((0.0, 1.5), (1.0, 2.0))


PHOTO = Photos(3, 84, 84).describe()
VECTOR = Vectors((0.0, 1.0), (1.0, 2.0)).describe()


@pytest.mark.parametrize(
    "description",
    [
        {},
        {"kind": "sound"},
        Drawings().describe() | {"preprocessing": 2},
        Drawings().describe() | {"height": 29},
        PHOTO | {"channels": 2},
        PHOTO | {"height": 0},
        PHOTO | {"height": 100_000},
        PHOTO | {"height": 84.0},
        PHOTO | {"channels": True},
        PHOTO | {"crop": "none"},
        PHOTO | {"preprocessing": "photo-2"},
        {key: value for key, value in PHOTO.items() if key != "width"},
        VECTOR | {"length": 3},
        VECTOR | {"mean": [0.0]},
        VECTOR | {"mean": [0.0, float("nan")]},
        VECTOR | {"mean": [0.0, 10**400]},
        VECTOR | {"scale": [1.0, -1.0]},
        VECTOR | {"scale": [1.0, float("inf")]},
        VECTOR | {"scale": [1.0, "2"]},
        VECTOR | {"scale": [1.0, True]},
        VECTOR | {"scale": 1.0},
        VECTOR | {"mean": "01"},
        VECTOR | {"unit": "m"},
        {"kind": "vector", "length": 0, "mean": [], "scale": []},
        {"kind": "vector", "length": 10**5, "mean": [0.0] * 10**5, "scale": [1.0] * 10**5},
    ],
)
def test_a_wrong_description_is_refused_in_a_sentence(description: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"\.$") as failure:
        from_description(description)
    assert len(str(failure.value)) < 400


@pytest.mark.parametrize("seen_as", IMAGES)
def test_files_are_read_in_the_input_s_shape(seen_as: Drawings | Photos) -> None:
    images = seen_as.read([png(90, 60), png(30, 30)])
    assert images.shape == (2, *seen_as.shape)
    assert images.dtype == np.uint8


def test_drawings_are_preprocessed_as_drawings() -> None:
    assert np.array_equal(Drawings().read([png(50, 50)])[0, 0], preprocessing.preprocess(png(50, 50)))


@pytest.mark.parametrize("seen_as", IMAGES)
def test_a_file_that_is_no_image_is_told_by_its_place(seen_as: Drawings | Photos) -> None:
    with pytest.raises(ImageError) as failure:
        seen_as.read([png(9, 9), b"text"])
    assert failure.value.index == 1
    with pytest.raises(ImageError, match="more than the 80 "):
        seen_as.read([png(9, 9)], max_pixels=80)


@pytest.mark.parametrize("seen_as", IMAGES)
def test_examples_survive_png_files(seen_as: Drawings | Photos) -> None:
    example = np.random.default_rng(1).integers(0, 256, seen_as.shape, np.uint8)
    again = seen_as.from_png(seen_as.to_png(example))
    assert again.dtype == np.uint8
    assert np.array_equal(again, example)


def test_drawings_are_shown_dark_on_light_and_photographs_as_they_are() -> None:
    drawing = np.zeros(Drawings().shape, np.uint8)
    assert np.asarray(Image.open(io.BytesIO(Drawings().to_png(drawing)))).min() == 255
    photo = np.broadcast_to(np.array([9, 8, 7], np.uint8)[:, None, None], (3, 5, 4))
    shown = np.asarray(Image.open(io.BytesIO(Photos(3, 5, 4).to_png(photo))))
    assert shown.shape == (5, 4, 3)
    assert (shown == (9, 8, 7)).all()


@pytest.mark.parametrize("seen_as", IMAGES)
def test_graphs_take_images_between_0_and_1(seen_as: Drawings | Photos) -> None:
    images = np.zeros((2, *seen_as.shape), np.uint8)
    images[1] = 255
    values = seen_as.to_input(images)
    assert values.dtype == np.float32
    assert (values[0].max(), values[1].min()) == (0, 1)


def test_graphs_take_standardised_vectors() -> None:
    vectors = Vectors((1.0, 10.0, 5.0), (2.0, 0.5, 0.0))
    values = vectors.to_input(np.array([[1, 10, 5], [3, 9, 1e30]], np.float32))
    assert values.dtype == np.float32
    assert np.array_equal(values, [[0, 0, 0], [1, -2, 0]])
    assert vectors.shape == (3,)


def test_a_large_mean_costs_no_precision() -> None:
    features = np.float32(1e6) + np.arange(8, dtype=np.float32)[:, None]
    values = Vectors((1e6 + 3.5,), (0.1,)).to_input(features)
    assert np.allclose(values[:, 0], (np.arange(8) - 3.5) / 0.1, rtol=1e-6)
