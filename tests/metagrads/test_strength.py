"""λ learned: the implicit gradient in log λ against finite differences, and how λ is spread over φ."""

import pytest
import torch
from torch import Tensor
from torch.func import vmap

from imaml.metagrads.adaptation import ProximalAdaptation
from imaml.metagrads.implicit import ImplicitGradient
from imaml.metagrads.strength import LayerStrengths
from imaml.nets.layout import Layout
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.newton_cg import NewtonCG
from tests.metagrads.differences import assert_is_gradient
from tests.metagrads.registry import Instance, quadratic, smooth

SOLVER, EXACT = NewtonCG(50, 30, tolerance=1e-12), ConjugateGradient(200, tolerance=1e-12)
LAYOUT = Layout({"weight": (2, 2), "scale": (1,), "head": (1,)})


def spread(instance: Instance) -> Tensor:
    return torch.linspace(1.2, 2.0, len(instance.layout.shapes), dtype=torch.float64)


@pytest.mark.parametrize("instance", [quadratic(), smooth()], ids=["quadratic", "smooth"])
@pytest.mark.parametrize("shared", [True, False], ids=["one λ", "a λ for each part"])
def test_both_gradients_agree_with_central_differences(instance: Instance, shared: bool) -> None:
    log_lam = spread(instance)[-1:] if shared else spread(instance)

    def adaptation(log_lam: Tensor) -> ProximalAdaptation:
        return ProximalAdaptation(instance.problem, SOLVER, LayerStrengths(instance.layout, log_lam))

    def outer(theta: Tensor, log_lam: Tensor) -> Tensor:
        centres = adaptation(log_lam).centres(theta, instance.tasks)
        phi = adaptation(log_lam).solve(centres, instance.tasks).value
        return vmap(instance.problem.outer_loss)(phi, instance.tasks).mean()

    result = ImplicitGradient(adaptation(log_lam), EXACT).solve(instance.theta, instance.tasks)
    assert_is_gradient(result.lam_gradient, lambda lam: outer(instance.theta, lam), log_lam, 1e-5)
    assert_is_gradient(result.value, lambda theta: outer(theta, log_lam), instance.theta, 1e-5)


def test_equal_strengths_are_one_strength() -> None:
    instance = quadratic()
    fixed = ImplicitGradient(ProximalAdaptation(instance.problem, SOLVER, 0.7), ConjugateGradient(3))
    log_lam = torch.full((3,), 0.7, dtype=torch.float64).log()
    learned = ImplicitGradient(
        ProximalAdaptation(instance.problem, SOLVER, LayerStrengths(instance.layout, log_lam)),
        ConjugateGradient(3),
    )
    expected, result = (method.solve(instance.theta, instance.tasks) for method in (fixed, learned))
    assert torch.allclose(result.value, expected.value, atol=1e-12)
    assert expected.lam_gradient is None


@pytest.mark.parametrize("size", [6, 9])
def test_the_head_takes_what_the_other_parts_leave(size: int) -> None:
    strengths = LayerStrengths(LAYOUT, torch.tensor([1.0, 2.0, 3.0]).log())
    expected = torch.tensor([1.0] * 4 + [2.0] + [3.0] * (size - 5))
    assert torch.allclose(strengths.coordinates(size), expected)
    assert torch.allclose(strengths.pull_back(torch.ones(size)), torch.tensor([4.0, 2.0, 3.0 * (size - 5)]))


def test_one_strength_is_for_all_parts() -> None:
    strengths = LayerStrengths(LAYOUT, torch.tensor([2.0]).log())
    assert torch.allclose(strengths.coordinates(7), torch.full((7,), 2.0))
    assert torch.allclose(strengths.pull_back(torch.ones(7)), torch.tensor([14.0]))


@pytest.mark.parametrize("shape", [(2,), (), (3, 1)])
def test_strengths_for_other_parts_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="1 number or one for each of the 3 parts"):
        LayerStrengths(LAYOUT, torch.zeros(shape))
