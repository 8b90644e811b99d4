"""What a data set is follows from its images and how they are grouped."""

import numpy as np

from imaml.tasks.dataset import grouped

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)


def test_classes_lie_one_after_the_other() -> None:
    dataset = grouped("data", IMAGES, ["a", "b"], [2, 3])
    assert dataset.images.shape == (5, 1, 28, 28)
    assert dataset.offsets.tolist() == [0, 2, 5]
    assert dataset.counts.tolist() == [2, 3]


def test_the_fingerprint_tells_where_one_class_ends() -> None:
    two_three = grouped("data", IMAGES, ["a", "b"], [2, 3])
    three_two = grouped("data", IMAGES, ["a", "b"], [3, 2])
    assert two_three.fingerprint != three_two.fingerprint


def test_the_fingerprint_does_not_depend_on_the_name_or_memory_layout() -> None:
    one = grouped("one", IMAGES, ["a", "b"], [2, 3])
    other = grouped("other", np.asfortranarray(IMAGES), ["a", "b"], [2, 3])
    assert one.fingerprint == other.fingerprint
