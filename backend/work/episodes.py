"""Tasks for trying a model out, drawn from the examples that are stored with it."""

import io
import json
import random
import zipfile

from backend.messages.schemas import LabelledExample
from backend.problems import Problem
from imaml.runtime.examples import paths_by_class


def sample(
    archive: bytes, ways: int, shots: int, queries: int, seed: int
) -> tuple[list[LabelledExample], list[LabelledExample]]:
    """Draw support and query examples from a model's zip of them; the same seed draws the same ones.

    Raises Problem where there are too few classes or examples.
    """
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        classes = paths_by_class(files)
        each = shots + queries
        sufficient = sorted(label for label, paths in classes.items() if len(paths) >= each)
        if len(sufficient) < ways:
            raise Problem(
                422,
                "too-few-examples",
                f"{ways} classes of {each} examples were asked for; of the {len(classes)} classes that are "
                f"stored with this model, {len(sufficient)} have as many.",
            )
        choose = random.Random(seed)
        support: list[LabelledExample] = []
        query: list[LabelledExample] = []
        for label in choose.sample(sufficient, ways):
            drawn = [_example(label, path, files) for path in choose.sample(sorted(classes[label]), each)]
            support += drawn[:shots]
            query += drawn[shots:]
        return support, query


def _example(label: str, path: str, files: zipfile.ZipFile) -> LabelledExample:
    content = files.read(path)
    if path.endswith(".json"):
        return LabelledExample(label=label, input=json.loads(content))
    return LabelledExample(label=label, image=content)
