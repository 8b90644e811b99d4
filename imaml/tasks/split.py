"""Which classes are for training, which for choosing among models, and which for the final judgement."""

import numpy as np

from imaml.tasks.dataset import DataError, Dataset, Split

__all__ = ["Split", "split"]


def split(dataset: Dataset, seed: int, fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)) -> Split:
    """The data set's own parts; else its classes at random by `seed`, in shares near `fractions`, none empty.

    Data without classes has nothing to part. Raises DataError where there are one or two classes.
    """
    if dataset.parts:
        return dataset.parts
    if not dataset.class_names and not len(dataset.examples):
        return Split((), (), ())
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
