"""What a data set is follows from its images and how they are grouped."""

import hashlib

import numpy as np
import pytest

from imaml.runtime.inputs import Drawings, Photos, Vectors
from imaml.tasks.dataset import DataError, grouped

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 1, 28, 28), np.uint8)


def test_classes_lie_one_after_the_other() -> None:
    dataset = grouped("data", IMAGES, ["a", "b"], [2, 3], Drawings())
    assert dataset.examples.shape == (5, 1, 28, 28)
    assert dataset.offsets.tolist() == [0, 2, 5]
    assert dataset.counts.tolist() == [2, 3]


def test_the_fingerprint_tells_where_one_class_ends() -> None:
    two_three = grouped("data", IMAGES, ["a", "b"], [2, 3], Drawings())
    three_two = grouped("data", IMAGES, ["a", "b"], [3, 2], Drawings())
    assert two_three.fingerprint != three_two.fingerprint


def test_the_fingerprint_does_not_depend_on_the_name_or_memory_layout() -> None:
    one = grouped("one", IMAGES, ["a", "b"], [2, 3], Drawings())
    other = grouped("other", np.asfortranarray(IMAGES), ["a", "b"], [2, 3], Drawings())
    assert one.fingerprint == other.fingerprint


def test_the_fingerprint_of_drawings_is_over_names_counts_and_pixels() -> None:
    digest = hashlib.sha256(b"a\n2\nb\n3\n" + IMAGES.tobytes()).hexdigest()
    assert grouped("data", IMAGES, ["a", "b"], [2, 3], Drawings()).fingerprint == digest


def test_the_fingerprint_of_other_data_tells_its_shape_and_how_it_is_seen() -> None:
    zeros = np.zeros((4, 3, 6, 6), np.uint8)
    seen = [
        grouped("data", zeros, ["a"], [4], Photos(3, 6, 6)),
        grouped("data", zeros.reshape(4, 3, 4, 9), ["a"], [4], Photos(3, 4, 9)),
        grouped("data", zeros.reshape(12, 1, 6, 6)[:4], ["a"], [4], Photos(1, 6, 6)),
        grouped("data", np.zeros((4, 2), np.float32), ["a"], [4], Vectors((0.0, 0.0), (1.0, 1.0))),
        grouped("data", np.zeros((4, 2), np.float32), ["a"], [4], Vectors((0.0, 1.0), (1.0, 1.0))),
    ]
    assert len({dataset.fingerprint for dataset in seen}) == len(seen)


def test_examples_of_classes_are_given_in_the_order_asked_for() -> None:
    dataset = grouped("data", IMAGES, ["a", "b"], [2, 3], Drawings())
    assert np.array_equal(dataset.of(["b", "a"]), IMAGES[[2, 3, 4, 0, 1]])
    assert dataset.of([]).shape == (0, 1, 28, 28)
    with pytest.raises(DataError, match="data has no class c"):
        dataset.of(["a", "c"])
