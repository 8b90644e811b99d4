"""Every class is in one part alone, which the seed decides."""

import numpy as np
import pytest

from imaml.runtime.inputs import Drawings
from imaml.tasks.dataset import DataError, Dataset, grouped
from imaml.tasks.split import split


def of_classes(count: int) -> Dataset:
    """A data set of as many classes with one blank image each."""
    names = [f"class {i:03}" for i in range(count)]
    return grouped("blank", np.zeros((count, 1, 28, 28), np.uint8), names, [1] * count, Drawings())


@pytest.mark.parametrize("count", [3, 4, 5, 10, 101])
@pytest.mark.parametrize(
    "fractions", [(0.7, 0.15, 0.15), (0.98, 0.01, 0.01), (0.1, 0.45, 0.45), (0.1, 0.8, 0.1)]
)
def test_parts_are_disjoint_complete_and_never_empty(
    count: int, fractions: tuple[float, float, float]
) -> None:
    dataset = of_classes(count)
    parts = split(dataset, 0, fractions)
    assert min(len(parts.train), len(parts.validation), len(parts.test)) >= 1
    assert sorted([*parts.train, *parts.validation, *parts.test]) == list(dataset.class_names)


def test_parts_have_the_shares_that_were_asked_for() -> None:
    parts = split(of_classes(200), 3)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (140, 30, 30)


def test_the_seed_decides() -> None:
    dataset = of_classes(30)
    assert split(dataset, 5) == split(dataset, 5)
    assert len({split(dataset, seed) for seed in range(20)}) == 20


def test_every_class_can_come_into_every_part() -> None:
    dataset = of_classes(10)
    parts = [split(dataset, seed) for seed in range(100)]
    for name in dataset.class_names:
        tests = sum(name in part.test for part in parts)
        assert 5 <= tests <= 45  # 20 expected


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_classes_are_counted(count: int) -> None:
    with pytest.raises(DataError, match=f"blank has {count} classes"):
        split(of_classes(count), 0)
