"""Tasks of unseen characters hold what they say, and a planted label is where it is said to be."""

import numpy as np
import pytest

from benchmarks import mislabelled
from benchmarks.mislabelled import planted, rank
from benchmarks.starter import Source
from imaml.tasks import Dataset, glyphs


@pytest.fixture(scope="module")
def source() -> Source:
    dataset = glyphs.generate(classes=7, examples=4)
    return Source(dataset, dataset.class_names)


def classes_of(dataset: Dataset, images: np.ndarray) -> list[int]:
    """Which class of the data set has each image."""
    where = {image.tobytes(): i // 4 for i, image in enumerate(dataset.examples)}
    return [where[image.tobytes()] for image in images]


def test_known_queries_are_of_the_classes_and_unknown_ones_are_not(source: Source) -> None:
    for task in source.tasks(ways=3, shots=2, queries=2, count=5):
        taught = classes_of(source.dataset, task.support.examples)
        assert [taught[0::2], taught[1::2]] == [taught[0::2]] * 2
        assert classes_of(source.dataset, task.known) == taught
        assert len(task.unknown) == 6
        assert not {*classes_of(source.dataset, task.unknown)} & {*taught}


def test_one_label_is_wrong_and_it_is_the_one(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mislabelled, "TASKS", 5)
    for one in planted(source, ways=3, shots=3):
        labels = one.support.labels
        others = np.delete(np.arange(9), one.wrong)
        found = np.array(classes_of(source.dataset, one.support.examples))
        of_label = {label: {*found[others][labels[others] == label].tolist()} for label in range(3)}
        assert all(len(classes) == 1 for classes in of_label.values())
        assert found[one.wrong] not in of_label[labels[one.wrong]]


def test_rank_is_0_for_the_lowest_and_ties_count_against_it() -> None:
    assert rank([0.3, 0.1, 0.2], 1) == 0
    assert rank([0.3, 0.1, 0.2], 0) == 2
    assert rank([0.1, 0.1, 0.2], 1) == 1
