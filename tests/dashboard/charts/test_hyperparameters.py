"""Axes side by side show every value between their ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.charts.hyperparameters import ACCURACY, Scale, heat_map, parallel

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=10)


@given(VALUES)
def test_every_value_lies_on_its_axis_in_order(values: list[float]) -> None:
    scale = Scale.of(values)
    at = [scale.at(value) for value in sorted(values)]
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in at)
    assert at == sorted(at)


@pytest.mark.parametrize(
    ("values", "middle", "at"),
    [
        ([1e-4, 1e-2], 1e-3, 0.5),
        ([1, 3], 2, 0.5),
        ([0, 100], 10, 0.1),
        ([-1, 100], 0, 1 / 101),
        ([7, 7], 7, 0.5),
    ],
    ids=["wide", "narrow", "from zero", "from below", "one value"],
)
def test_only_wide_ranges_above_zero_are_logarithmic(values: list[float], middle: float, at: float) -> None:
    assert Scale.of(values).at(middle) == pytest.approx(at)


def test_a_line_crosses_every_axis() -> None:
    lines = {"a": {"lam": 0.1, ACCURACY: 0.9}, "b": {"lam": 1.0, ACCURACY: 0.8}}
    [rows] = parallel(lines).to_dict()["datasets"].values()
    assert [(row["label"], row["setting"], row["at"]) for row in rows] == [
        ("a", "lam", 0), ("a", ACCURACY, 1), ("b", "lam", 1), ("b", ACCURACY, 0)
    ]  # fmt: skip


@pytest.mark.parametrize(("columns", "layers"), [(3, 2), (20, 1)], ids=["few", "many"])
def test_cells_have_numbers_where_there_is_room(columns: int, layers: int) -> None:
    cells = [{"across": float(number), "down": 1.0, "accuracy": 0.5, "n": 1} for number in range(columns)]
    assert len(heat_map(cells, "lam", "seed").to_dict()["layer"]) == layers
