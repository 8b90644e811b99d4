"""The engine's φ is torch's, in every parameter, whatever the support set, λ and the rate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaml.runtime.adaptation import adapt
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe
from imaml.runtime.support import Support
from imaml.store import Bundle
from imaml.tasks import glyphs
from tests.runtime.test_solvers import torchs

CLASSES, EACH = 6, 5
RATES = {"gradient_descent": 0.06, "accelerated": 0.03, "momentum": 0.01}
"""The greatest that are drawn. Where an activation is 0 to rounding, its gradient in float32 may be that of
the other side of the kink; at these rates what that does to φ stays far below the bound."""


@pytest.fixture(scope="module")
def drawn() -> NDArray[np.uint8]:
    """Preprocessed drawings [classes, examples, 1, 28, 28]."""
    return glyphs.generate(CLASSES, EACH, seed=11).examples.reshape(CLASSES, EACH, 1, 28, 28)


@pytest.mark.parametrize("solver", RATES)
@settings(derandomize=True, deadline=None, max_examples=25)
@given(
    shots=st.lists(st.integers(1, EACH), min_size=2, max_size=CLASSES),
    first=st.integers(0, CLASSES - 1),
    lam=st.floats(0, 5),
    share=st.floats(0.05, 1),
    steps=st.integers(0, 8),
)
def test_phi_is_torchs_in_every_parameter(
    model: MetaModel,
    model_bundle: Bundle,
    drawn: NDArray[np.uint8],
    solver: str,
    shots: list[int],
    first: int,
    lam: float,
    share: float,
    steps: int,
) -> None:
    chosen = [(first + k) % CLASSES for k in range(len(shots))]
    images = np.concatenate([drawn[k, :count] for k, count in zip(chosen, shots, strict=True)])
    support = Support.of(
        images, [f"{k}" for k, count in zip(chosen, shots, strict=True) for _ in range(count)]
    )
    recipe = Recipe(solver, steps, share * RATES[solver], lam)
    adapted, _ = adapt(model, support, recipe)
    expected = torchs(model_bundle, model, support, recipe).value[0].numpy()
    np.testing.assert_allclose(adapted.phi, expected, rtol=0, atol=1e-4)
