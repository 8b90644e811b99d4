"""The recipes that solve do so, and the others do not."""

import pytest
import torch

from benchmarks import recipes
from benchmarks.setting import Setting


def test_residuals_are_those_of_the_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SECONDS", 0.3), ("EPISODES", 8)):
        monkeypatch.setattr(recipes, name, value)
    rows = recipes.run(Setting(torch.device("cpu"), rounds=1)).rows
    assert [row["training"] for row in rows] == list(recipes.RECIPES)
    residuals = {str(row["training"]): float(row["‖∇F‖"] or 0) for row in rows}
    assert 0 < residuals["Newton-CG to 0.001"] <= 1e-3
    assert min(residuals["5 steps"], residuals["20 steps"]) > 1e-3
    assert all(float(row["meta-steps"] or 0) >= 1 for row in rows)
    assert all(row["0 steps"] != row["20 steps"] for row in rows)
