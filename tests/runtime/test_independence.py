"""An answer is of φ and one example: company, order and threads play no part, and φ can be had again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaml.runtime.adaptation import Adapted, adapt
from imaml.runtime.model import MetaModel
from imaml.runtime.prediction import Prediction, predict
from imaml.runtime.recipe import SOLVERS, Recipe
from imaml.runtime.support import Examples, Support
from imaml.store import Bundle

QUERIES = 20


@pytest.fixture(scope="module")
def two_threads(model_bundle: Bundle) -> MetaModel:
    """The same model, each of whose graphs runs on two threads."""
    return MetaModel.load(model_bundle.description, model_bundle.parameters, model_bundle.graphs, threads=2)


@pytest.fixture(scope="module")
def support(drawings: NDArray[np.uint8]) -> Support:
    return Support.of(drawings[:, :3].reshape(15, 1, 28, 28), [label for label in "abcde" for _ in range(3)])


@pytest.fixture(scope="module")
def adapted(model: MetaModel, support: Support) -> Adapted:
    return adapt(model, support, model.recipe)[0]


@pytest.fixture(scope="module")
def queries(drawings: NDArray[np.uint8]) -> Examples:
    return drawings[:, 3:].reshape(-1, 1, 28, 28)[:QUERIES]


@pytest.fixture(scope="module")
def alone(model: MetaModel, adapted: Adapted, queries: Examples) -> list[Prediction]:
    """The answer to each query when it comes by itself."""
    return [answers(model, adapted, queries[index : index + 1])[0] for index in range(QUERIES)]


def answers(model: MetaModel, adapted: Adapted, queries: Examples) -> list[Prediction]:
    found = predict(model, adapted, queries, 0.3)
    return [answer for answer in found if isinstance(answer, Prediction)]


def check_same(answer: Prediction, other: Prediction) -> None:
    assert answer.probabilities == pytest.approx(other.probabilities, abs=1e-5)
    assert answer.similarity == pytest.approx(other.similarity, abs=1e-5)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.lists(st.integers(0, QUERIES - 1), min_size=1, max_size=100))
def test_company_order_and_repetition_change_no_answer(
    model: MetaModel, adapted: Adapted, queries: Examples, alone: list[Prediction], chosen: list[int]
) -> None:
    together = answers(model, adapted, queries[chosen])
    for answer, index in zip(together, chosen, strict=True):
        check_same(answer, alone[index])


@pytest.mark.parametrize("solver", [solver for solver in SOLVERS if solver != "newton_cg"])
def test_the_same_adaptation_twice_is_the_same_to_the_last_bit(
    model: MetaModel, two_threads: MetaModel, support: Support, solver: str
) -> None:
    recipe = Recipe(solver, 6, 0.01, 0.5)
    for threads in (model, two_threads):
        first, again = (adapt(threads, support, recipe)[0] for _ in range(2))
        for part in ("phi", "moments", "prototypes"):
            assert np.array_equal(getattr(first, part), getattr(again, part))


def test_the_number_of_threads_changes_no_answer(
    model: MetaModel, two_threads: MetaModel, support: Support, adapted: Adapted, queries: Examples
) -> None:
    """Neither that to an adaptation at hand nor that of one made with as many threads."""
    other, _ = adapt(two_threads, support, model.recipe)
    np.testing.assert_allclose(other.phi, adapted.phi, rtol=0, atol=1e-5)
    expected = answers(model, adapted, queries)
    for same in (answers(two_threads, adapted, queries), answers(two_threads, other, queries)):
        for answer, one in zip(same, expected, strict=True):
            check_same(answer, one)
