"""Tasks for trying a model out, drawn from the example images that are stored with it."""

import io
import random
import zipfile

from backend.problems import Problem
from backend.schemas import LabelledImage
from imaml.runtime.examples import paths_by_class


def sample(
    archive: bytes, ways: int, shots: int, queries: int, seed: int
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Draw support and query images from a zip of `CLASS/NN.png`; the same seed draws the same ones.

    Raises Problem where there are too few classes or images.
    """
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        classes = paths_by_class(files)
        each = shots + queries
        sufficient = sorted(label for label, paths in classes.items() if len(paths) >= each)
        if len(sufficient) < ways:
            raise Problem(
                422,
                "too-few-examples",
                f"{ways} classes of {each} images were asked for; of the {len(classes)} classes that are "
                f"stored with this model, {len(sufficient)} have as many.",
            )
        choose = random.Random(seed)
        support: list[LabelledImage] = []
        query: list[LabelledImage] = []
        for label in choose.sample(sufficient, ways):
            drawn = [
                LabelledImage(label=label, image=files.read(path))
                for path in choose.sample(sorted(classes[label]), each)
            ]
            support += drawn[:shots]
            query += drawn[shots:]
        return support, query
