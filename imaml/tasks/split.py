"""Which characters are for training, which for choosing among models, and which for the final judgement."""

from dataclasses import dataclass

import numpy as np

from imaml.tasks.dataset import DataError, Dataset


@dataclass(frozen=True)
class Split:
    """Class names, sorted, in three parts that share none."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


def split(dataset: Dataset, seed: int, fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)) -> Split:
    """Parts the classes at random, by `seed`, into shares that are near `fractions` and never empty.

    Raises DataError where there are fewer than three classes.
    """
    count = len(dataset.class_names)
    if count < 3:
        raise DataError(
            f"{dataset.source} has {count} classes; for training, validation and test give 3 or more."
        )
    validation, test = (max(1, min(round(count * part), (count - 1) // 2)) for part in fractions[1:])
    order: list[int] = np.random.default_rng(seed).permutation(count).tolist()
    shuffled = [dataset.class_names[index] for index in order]
    return Split(
        train=tuple(sorted(shuffled[validation + test :])),
        validation=tuple(sorted(shuffled[:validation])),
        test=tuple(sorted(shuffled[validation : validation + test])),
    )
