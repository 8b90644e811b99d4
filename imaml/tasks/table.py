"""Tables of features with a label, NPZ, CSV or Parquet, for people who bring vectors such as embeddings."""

import csv
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaml.runtime.inputs import MAX_LENGTH, Vectors
from imaml.tasks.dataset import DataError, Dataset, grouped

Features = NDArray[np.float32]
Table = tuple[Features, list[str], list[str]]
"""Features [n, length], the label of each row, the name of each feature."""


def load(path: Path) -> Dataset:
    """The table at `path`; classes are the labels, sorted, and keep the order of their rows.

    NPZ has the arrays `features` [n, length] and `labels` [n]. CSV and Parquet have a column for each feature
    and the column `label`, or the last one, for labels. A model sees the features as they are until
    `standardised` says otherwise.

    Raises DataError, which names the row and the column, where a cell is no finite number or a label is
    missing, and where the file cannot be read.
    """
    readers: dict[str, Callable[[Path], Table]] = {
        ".npz": _read_npz,
        ".csv": _read_csv,
        ".parquet": _read_parquet,
    }
    read = readers.get(path.suffix.lower())
    if not read:
        raise DataError(f"{path} is no table that is read here; give a file .npz, .csv or .parquet.")
    try:
        features, labels, columns = read(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from None
    _check(path, features, labels, columns)
    order = sorted(range(len(labels)), key=labels.__getitem__)
    counts = Counter(labels)
    names = sorted(counts)
    identity = Vectors((0.0,) * len(columns), (1.0,) * len(columns))
    return grouped("table", features[order], names, [counts[name] for name in names], identity, str(path))


def standardised(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """The same data, whose vectors a model sees with mean 0 and deviation 1 over the examples of `classes`.

    Give the classes for training alone, so that nothing of the others is learned. Images, and data without
    classes, stay as they are. Raises DataError where a class is unknown.
    """
    if dataset.input.kind == "image" or not dataset.class_names:
        return dataset
    examples = dataset.of(classes).astype(np.float64)
    constant = examples.min(axis=0) == examples.max(axis=0)
    scale = np.where(constant, 0, examples.std(axis=0))
    mean = examples.mean(axis=0)
    return replace(dataset, input=Vectors(tuple(mean.tolist()), tuple(scale.tolist())))


def _check(path: Path, features: Features, labels: Sequence[str], columns: Sequence[str]) -> None:
    if not labels or not 1 <= len(columns) <= MAX_LENGTH:
        raise DataError(
            f"{path} has {len(labels)} rows of {len(columns)} features; "
            f"give at least one row, and 1 to {MAX_LENGTH:,} features beside the labels."
        )
    wrong = np.argwhere(~np.isfinite(features))
    if wrong.size:
        row, column = (int(place) for place in wrong[0])
        raise _not_a_number(path, row, columns[column], features[row, column])
    if "" in labels:
        raise DataError(f"{path}: row {labels.index('') + 1} has no label; give it one, or remove the row.")


def _not_a_number(path: Path, row: int, column: str, value: object) -> DataError:
    return DataError(
        f"{path}: row {row + 1} (of the data, from 1), column {column} has {str(value)[:50]!r}, "
        "which is no finite number; mend it, or remove the row."
    )


def _read_npz(path: Path) -> Table:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            features, labels = np.asarray(archive["features"]), np.asarray(archive["labels"])
    except KeyError as error:
        raise DataError(f"{path}: {error}; give the arrays features and labels.") from None
    except (ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} is no NPZ file that can be read ({error}); write it again.") from None
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise DataError(
            f"{path} has features {list(features.shape)} and labels {list(labels.shape)}; "
            "features must be [n, length] and labels [n]."
        )
    if features.dtype.kind not in "biuf" or labels.dtype.kind not in "biuUS":
        raise DataError(
            f"{path} has features of {features.dtype} and labels of {labels.dtype}; "
            "features must be numbers, and labels texts or whole numbers."
        )
    texts = [
        label.decode(errors="replace") if isinstance(label, bytes) else str(label)
        for label in labels.tolist()
    ]
    return _float32(features), texts, [str(column) for column in range(features.shape[1])]


def _read_csv(path: Path) -> Table:
    rows: list[Features] = []
    labels: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = (line for line in csv.reader(file) if line)
            header = next(lines, [])
            place = _label_column(path, header)
            columns = header[:place] + header[place + 1 :]
            for row, cells in enumerate(lines):
                if len(cells) != len(header):
                    message = (
                        f"{path}: row {row + 1} has {len(cells)} cells and the header {len(header)}; mend it."
                    )
                    raise DataError(message)
                labels.append(cells.pop(place).strip())
                rows.append(_numbers(path, row, columns, cells))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV file in UTF-8 ({error}); write it again.") from None
    return np.array(rows, np.float32).reshape(len(rows), len(columns)), labels, columns


def _read_parquet(path: Path) -> Table:
    try:
        from pyarrow import ArrowException, parquet, types
    except ImportError:
        raise DataError(f"{path} needs pyarrow; install it, or give the table as .npz or .csv.") from None
    try:
        with path.open("rb") as file:
            table: Any = parquet.read_table(file)
    except (ArrowException, ValueError) as error:
        raise DataError(f"{path} is no Parquet file that can be read ({error}); write it again.") from None
    place = _label_column(path, table.column_names)
    labels = [
        "" if label is None or label != label else str(label) for label in table.column(place).to_pylist()
    ]
    table = table.remove_column(place)
    for field in table.schema:
        if not (
            types.is_integer(field.type) or types.is_floating(field.type) or types.is_boolean(field.type)
        ):
            problem = f"column {field.name} has the type {field.type}"
            raise DataError(f"{path}: {problem}; give each feature a column of numbers.")
    features = [_float32(column.to_numpy().astype(np.float64)) for column in table.columns]
    empty = np.empty((len(labels), 0), np.float32)
    return np.column_stack([empty, *features]), labels, table.column_names


def _label_column(path: Path, columns: Sequence[str]) -> int:
    if not columns:
        raise DataError(f"{path} is empty; give it a header and rows.")
    if columns.count("label") > 1:
        raise DataError(f"{path} has more than one column label; rename all but one.")
    return columns.index("label") if "label" in columns else len(columns) - 1


def _numbers(path: Path, row: int, columns: Sequence[str], cells: Sequence[str]) -> Features:
    try:
        return _float32(np.array([float(cell) for cell in cells]))
    except ValueError:
        for column, cell in zip(columns, cells, strict=True):
            try:
                float(cell)
            except ValueError:
                raise _not_a_number(path, row, column, cell) from None
        raise


def _float32(values: NDArray[Any]) -> Features:
    """The values in single precision, infinite where they do not fit."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)
