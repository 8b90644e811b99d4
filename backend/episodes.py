"""Tasks for trying a model out, drawn from the example images that are stored with it."""

import io
import random
import zipfile
from collections import defaultdict

from backend.problems import Problem
from backend.schemas import LabelledImage
from imaml.store import BundleError


def sample(
    archive: bytes, ways: int, shots: int, queries: int, seed: int
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Draw support and query images from a zip of `CLASS/NN.png`; the same seed draws the same ones.

    Raises Problem where there are too few classes or images.
    """
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        classes = _paths_by_class(files)
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


def check(archive: bytes) -> None:
    """Raise BundleError for what is no zip of `CLASS/NN.png`."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            found = bool(_paths_by_class(files)) and files.testzip() is None
    except zipfile.BadZipFile:
        found = False
    if not found:
        raise BundleError("the bundle's examples are no sound zip of images, CLASS/NN.png each")


def _paths_by_class(files: zipfile.ZipFile) -> dict[str, list[str]]:
    classes: dict[str, list[str]] = defaultdict(list)
    for path in files.namelist():
        label, slash, filename = path.partition("/")
        if slash and filename.endswith(".png"):
            classes[label].append(path)
    return classes
