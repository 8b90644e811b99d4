"""Tables of every format are the same data, wrong cells are named, and standardising leaks nothing."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from imaml.runtime.inputs import Vectors
from imaml.tasks import load
from imaml.tasks.dataset import DataError, Dataset
from imaml.tasks.table import standardised

FEATURES = np.random.default_rng(0).normal(3, 2, (7, 3)).astype(np.float32)
LABELS = ["cat", "ant", "cat", "bee", "ant", "cat", "bee"]
ORDER = [1, 4, 3, 6, 0, 2, 5]

Text = Callable[[str], Path]


@pytest.fixture
def text(tmp_path: Path) -> Text:
    """Makes a CSV file of this text."""

    def make(content: str) -> Path:
        (tmp_path / "table.csv").write_bytes(content.encode())
        return tmp_path / "table.csv"

    return make


def npz(folder: Path, **arrays: object) -> Path:
    """An NPZ file of the table above, but for these arrays."""
    np.savez(folder / "table.npz", **{"features": FEATURES, "labels": np.array(LABELS), **arrays})
    return folder / "table.npz"


def as_csv(folder: Path) -> Path:
    """A CSV file of the table above."""
    rows = [
        ",".join([str(cell) for cell in row] + [label]) for row, label in zip(FEATURES, LABELS, strict=True)
    ]
    (folder / "table.csv").write_text("\n".join(["a,b,c,kind", *rows]))
    return folder / "table.csv"


def as_parquet(folder: Path, **columns: object) -> Path:
    """A Parquet file of the table above, but for these columns."""
    table = {"a": FEATURES[:, 0], "label": LABELS, "b": FEATURES[:, 1], "c": FEATURES[:, 2], **columns}
    parquet.write_table(pyarrow.table(table), folder / "table.parquet")
    return folder / "table.parquet"


def read(path: Path) -> Dataset:
    """The data set."""
    return load("table", path)


@pytest.mark.parametrize("write", [npz, as_csv, as_parquet])
def test_rows_are_grouped_by_label_in_their_order(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    dataset = read(write(tmp_path))
    assert dataset.class_names == ("ant", "bee", "cat")
    assert dataset.counts.tolist() == [2, 2, 3]
    assert dataset.examples.dtype == np.float32
    assert np.array_equal(dataset.examples, FEATURES[ORDER])
    assert dataset.task == "classification"


def test_formats_are_the_same_data(tmp_path: Path) -> None:
    assert len({read(write(tmp_path)).fingerprint for write in (npz, as_csv, as_parquet)}) == 1


def test_the_fingerprint_tells_other_numbers(tmp_path: Path) -> None:
    original = read(npz(tmp_path)).fingerprint
    assert read(npz(tmp_path, features=FEATURES + 1)).fingerprint != original
    assert read(npz(tmp_path, features=FEATURES[:, :2])).fingerprint != original


def test_nothing_is_learned_in_loading(tmp_path: Path) -> None:
    assert read(npz(tmp_path)).input == Vectors((0.0,) * 3, (1.0,) * 3)


def test_a_column_named_label_comes_before_the_last(text: Text) -> None:
    dataset = read(text("label,x,y\na,1,2\nb,3,4\n"))
    assert dataset.class_names == ("a", "b")
    assert dataset.examples.tolist() == [[1, 2], [3, 4]]
    assert read(text("x,y,kind\n1,2,a\n3,4,b\n")).examples.tolist() == [[1, 2], [3, 4]]


def test_csv_of_spreadsheets_is_read(text: Text) -> None:
    dataset = read(text('\ufeffx,label\r\n1e3,"a, or b"\r\n\r\n -2.5 ,c\r\n'))
    assert dataset.class_names == ("a, or b", "c")
    assert dataset.examples.tolist() == [[1000], [-2.5]]


@pytest.mark.parametrize("labels", [np.array([10, 2, 10, 3, 2, 10, 3]), np.array(LABELS, "S")])
def test_labels_may_be_whole_numbers_or_bytes(tmp_path: Path, labels: np.ndarray) -> None:
    dataset = read(npz(tmp_path, labels=labels))
    expected = ("10", "2", "3") if labels.dtype.kind == "i" else ("ant", "bee", "cat")
    assert dataset.class_names == expected
    assert dataset.counts.sum() == 7


def test_features_may_be_whole_numbers_or_truth_values(tmp_path: Path) -> None:
    dataset = read(as_parquet(tmp_path, a=np.arange(7), b=np.arange(7) % 2 == 0))
    assert dataset.examples[:, 0].tolist() == ORDER
    assert dataset.examples[:, 1].tolist() == [1 - row % 2 for row in ORDER]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("x,y,label\n1,2,a\n1,two,b", r"row 2 \(of the data, from 1\), column y has 'two'"),
        ("x,y,label\n1,,a", r"row 1 .*, column y has ''"),
        ("x,y,label\n1,2,a\n\n1,nan,b", r"row 2 .*, column y has 'nan'"),
        ("x,label,y\n-inf,a,1", r"row 1 .*, column x has '-inf'"),
        ("x,label\n1e39,a", r"row 1 .*, column x has 'inf'"),
        ("x,y,label\n1,2,a\n1,2", "row 2 has 2 cells and the header 3"),
        ("x,y,label\n1,2, ", "row 1 has no label"),
        ("x,label,label\n1,a,b", "more than one column label"),
        ("x,label\n", "has 0 rows of 1 features"),
        ("label\na", "has 1 rows of 0 features"),
        ("", "is empty"),
    ],
)
def test_what_is_wrong_in_a_csv_file_is_named(text: Text, content: str, reason: str) -> None:
    with pytest.raises(DataError, match=rf"table\.csv.*{reason}"):
        read(text(content))


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(b"x,label\n1,\xff")
    with pytest.raises(DataError, match="no CSV file in UTF-8"):
        read(tmp_path / "table.csv")


def broken(row: int, column: int, value: float) -> np.ndarray:
    """The features with another value at one place."""
    features = FEATURES.astype(np.float64)
    features[row, column] = value
    return features


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"features": broken(4, 2, np.nan)}, "row 5 .*, column 2 has 'nan'"),
        ({"features": broken(0, 1, -np.inf)}, "row 1 .*, column 1 has '-inf'"),
        ({"features": broken(0, 1, 1e300)}, "row 1 .*, column 1 has 'inf'"),
        ({"features": FEATURES[:5]}, r"features \[5, 3\] and labels \[7\]"),
        ({"features": FEATURES[0]}, r"features \[3\] and labels \[7\]"),
        ({"features": np.full((7, 2), "1")}, "features of <U1"),
        ({"labels": np.arange(7) / 2}, "labels of float64"),
        ({"labels": np.array(["", *LABELS[1:]])}, "row 1 has no label"),
        ({"labels": np.array(LABELS, object)}, "no NPZ file that can be read .*allow_pickle"),
    ],
)
def test_what_is_wrong_in_an_npz_file_is_named(
    tmp_path: Path, arrays: dict[str, object], reason: str
) -> None:
    with pytest.raises(DataError, match=rf"table\.npz.*{reason}"):
        read(npz(tmp_path, **arrays))


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "table.npz", x=FEATURES, labels=np.array(LABELS))
    with pytest.raises(DataError, match=r"features is not a file.*give the arrays features and labels"):
        read(tmp_path / "table.npz")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"b": [1.0, None, *[0.0] * 5]}, "row 2 .*, column b has 'nan'"),
        ({"b": [1, None, *[0] * 5]}, "row 2 .*, column b has 'nan'"),
        ({"b": [True, None, *[False] * 5]}, "row 2 .*, column b has 'nan'"),
        ({"b": ["1"] * 7}, "column b has the type string"),
        ({"b": [[1.0, 2.0]] * 7}, "column b has the type list"),
        ({"label": [None, *LABELS[1:]]}, "row 1 has no label"),
        ({"label": [np.nan, *[1.0] * 6]}, "row 1 has no label"),
    ],
)
def test_what_is_wrong_in_a_parquet_file_is_named(
    tmp_path: Path, columns: dict[str, object], reason: str
) -> None:
    with pytest.raises(DataError, match=rf"table\.parquet.*{reason}"):
        read(as_parquet(tmp_path, **columns))


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut short"])
def test_a_damaged_file_is_named(tmp_path: Path, suffix: str, content: bytes) -> None:
    (tmp_path / f"table{suffix}").write_bytes(content)
    with pytest.raises(DataError, match=rf"table{suffix} is no .* that can be read"):
        read(tmp_path / f"table{suffix}")


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
def test_a_missing_file_is_named(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(DataError, match=rf"nowhere{suffix} cannot be read \(No such file"):
        read(tmp_path / f"nowhere{suffix}")


def test_another_format_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"table\.xlsx is no table .* \.npz, \.csv or \.parquet"):
        read(tmp_path / "table.xlsx")


def test_parquet_without_pyarrow_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = as_parquet(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match="needs pyarrow; install it"):
        read(path)


def test_features_are_standardised_over_the_given_classes(tmp_path: Path) -> None:
    dataset = standardised(read(npz(tmp_path)), ["ant", "cat"])
    values = dataset.input.to_input(dataset.of(["ant", "cat"]))
    assert np.allclose(values.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(values.std(axis=0), 1, atol=1e-6)
    assert dataset.fingerprint == read(npz(tmp_path)).fingerprint


def test_other_classes_do_not_leak_into_the_standard(tmp_path: Path) -> None:
    one = standardised(read(npz(tmp_path)), ["ant", "cat"])
    others = np.array(LABELS) == "bee"
    other = standardised(read(npz(tmp_path, features=FEATURES + 100 * others[:, None])), ["ant", "cat"])
    assert one.input == other.input


def test_a_feature_without_variation_counts_as_nothing(tmp_path: Path) -> None:
    features = FEATURES.copy()
    features[:, 1] = 0.1
    dataset = standardised(read(npz(tmp_path, features=features)), ["ant", "bee"])
    assert (dataset.input.to_input(np.array([[1, 2, 3]], np.float32))[:, 1] == 0).all()


def test_images_and_data_without_classes_stay_as_they_are(numbered: Dataset) -> None:
    sinusoid = load("sinusoid")
    assert standardised(sinusoid, ()) is sinusoid
    assert standardised(numbered, ["class 1"]) is numbered


def test_an_unknown_class_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"table\.npz has no class dog"):
        standardised(read(npz(tmp_path)), ["dog"])
