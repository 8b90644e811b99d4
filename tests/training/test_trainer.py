"""The outer loop: it learns, it is deterministic, and its checkpoint is its whole state."""

import pytest
import torch

from imaml.tasks.dataset import DataError, Dataset
from imaml.tasks.split import Split
from imaml.training.errors import TrainingError
from imaml.training.trainer import Trainer
from tests.training.conftest import small_config


def advanced(trainer: Trainer, steps: int) -> Trainer:
    for _ in range(steps):
        trainer.advance()
    return trainer


def test_training_makes_the_outer_loss_smaller(dataset: Dataset, parts: Split) -> None:
    trainer = Trainer(small_config(meta_steps=60, meta_lr=1e-2, filters=8), dataset, parts)
    losses = [trainer.advance().outer_loss for _ in range(60)]
    assert sum(losses[-15:]) < 0.8 * sum(losses[:15])


def test_a_seed_gives_the_same_theta_bit_by_bit_and_another_seed_another(
    dataset: Dataset, parts: Split
) -> None:
    first, second, other = (
        advanced(Trainer(small_config(seed=seed), dataset, parts), 3).theta for seed in (0, 0, 1)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_going_on_from_a_checkpoint_is_as_if_there_had_been_no_break(dataset: Dataset, parts: Split) -> None:
    unbroken = advanced(Trainer(small_config(), dataset, parts), 4)
    unbroken.validate()
    checkpoint = unbroken.checkpoint()
    advanced(unbroken, 3)
    unbroken.validate()
    resumed = Trainer(small_config(), dataset, parts)
    resumed.restore(checkpoint)
    advanced(resumed, 3)
    resumed.validate()
    assert unbroken.checkpoint() == resumed.checkpoint()


def test_the_best_theta_is_that_of_the_best_validation_not_the_last(dataset: Dataset, parts: Split) -> None:
    trainer = advanced(Trainer(small_config(meta_lr=1e-2), dataset, parts), 2)
    trainer.validate()
    best, accuracy = trainer.theta.detach().clone(), trainer.best_accuracy
    with torch.no_grad():
        trainer.average.zero_()
    assert trainer.validate().accuracy < accuracy
    assert torch.equal(trainer.best_theta, best)
    assert trainer.best_accuracy == accuracy


def test_a_step_changes_theta_and_not_the_best_theta(dataset: Dataset, parts: Split) -> None:
    trainer = Trainer(small_config(), dataset, parts)
    before = trainer.theta.detach().clone()
    trainer.advance()
    assert not torch.equal(trainer.theta, before)
    assert torch.equal(trainer.best_theta, before)


def test_a_gradient_that_is_not_finite_stops_before_theta_is_touched(dataset: Dataset, parts: Split) -> None:
    trainer = Trainer(small_config(inner_lr=1e20), dataset, parts)
    before = trainer.theta.detach().clone()
    with pytest.raises(TrainingError, match=r"not finite at step 0.*--inner-lr"):
        trainer.advance()
    assert torch.equal(trainer.theta, before)


def test_a_checkpoint_of_another_network_is_refused(dataset: Dataset, parts: Split) -> None:
    checkpoint = Trainer(small_config(filters=6), dataset, parts).checkpoint()
    with pytest.raises(TrainingError, match=r"checkpoint has .* parameters where this network has"):
        Trainer(small_config(), dataset, parts).restore(checkpoint)


def test_a_damaged_checkpoint_is_refused(dataset: Dataset, parts: Split) -> None:
    trainer = Trainer(small_config(), dataset, parts)
    with pytest.raises(TrainingError, match="checkpoint cannot be read"):
        trainer.restore(trainer.checkpoint()[:100])


def test_the_plain_head_trains_too(dataset: Dataset, parts: Split) -> None:
    trainer = advanced(Trainer(small_config(head="plain"), dataset, parts), 2)
    assert 0 <= trainer.validate().accuracy <= 1


def test_more_ways_than_validation_classes_is_said_before_training(dataset: Dataset, parts: Split) -> None:
    with pytest.raises(DataError, match="20 ways"):
        Trainer(small_config(ways=20), dataset, parts)


def test_a_device_that_is_not_there_is_said_to_be_so(dataset: Dataset, parts: Split) -> None:
    with pytest.raises(TrainingError, match="--device warp"):
        Trainer(small_config(device="warp"), dataset, parts)


@pytest.mark.parametrize("algorithm", ["imaml", "maml", "fomaml", "reptile", "prototypical"])
def test_every_algorithm_learns(dataset: Dataset, parts: Split, algorithm: str) -> None:
    settings = {"lam": 0.0, "inner_steps": 0 if algorithm == "prototypical" else 2}
    settings = {} if algorithm == "imaml" else settings
    config = small_config(algorithm=algorithm, meta_steps=40, meta_lr=1e-2, **settings)
    trainer = Trainer(config, dataset, parts)
    losses = [trainer.advance().outer_loss for _ in range(40)]
    assert sum(losses[-15:]) < 0.9 * sum(losses[:15])
    assert trainer.best_recipe == config.recipe


@pytest.mark.parametrize(
    "solver", ["gradient_descent", "accelerated", "momentum", "adam", "newton_cg", "l_bfgs"]
)
@pytest.mark.parametrize("curvature", ["hessian", "gauss_newton"])
def test_every_inner_solver_takes_a_finite_meta_step(
    dataset: Dataset, parts: Split, solver: str, curvature: str
) -> None:
    config = small_config(inner_solver=solver, inner_lr=0.01, curvature=curvature)
    step = Trainer(config, dataset, parts).advance()
    assert step.inner_losses[-1] < step.inner_losses[0]
    assert 0 < step.meta_gradient_norm < 100


@pytest.mark.parametrize(("learn_lam", "numbers"), [("scalar", 1), ("layers", 13)])
def test_a_learned_lam_moves_and_becomes_the_recipe(
    dataset: Dataset, parts: Split, learn_lam: str, numbers: int
) -> None:
    trainer = advanced(Trainer(small_config(learn_lam=learn_lam), dataset, parts), 3)
    assert trainer.log_lam.shape == (numbers,)
    assert (trainer.log_lam != 0).all()
    trainer.validate()
    recipe = trainer.best_recipe
    lams = recipe.lam * torch.tensor(recipe.lam_scales or (1.0,))
    assert torch.allclose(lams.log(), trainer.log_lam.detach(), atol=1e-6)
    resumed = Trainer(small_config(learn_lam=learn_lam), dataset, parts)
    resumed.restore(trainer.checkpoint())
    assert advanced(resumed, 1).log_lam.equal(advanced(trainer, 1).log_lam)


def test_a_long_meta_gradient_is_shortened(dataset: Dataset, parts: Split) -> None:
    free, clipped = (Trainer(small_config(clip=clip), dataset, parts) for clip in (1e9, 1e-3))
    assert free.advance().meta_gradient_norm == clipped.advance().meta_gradient_norm
    assert free.theta.grad is not None
    assert clipped.theta.grad is not None
    assert float(clipped.theta.grad.norm()) == pytest.approx(1e-3)
    assert torch.allclose(clipped.theta.grad * free.theta.grad.norm() * 1e3, free.theta.grad, rtol=1e-3)


def test_the_average_of_theta_is_what_is_judged(dataset: Dataset, parts: Split) -> None:
    trainer = Trainer(small_config(average=0.5, meta_lr=1e-2), dataset, parts)
    thetas = [trainer.theta.detach().clone()]
    for _ in range(2):
        trainer.advance()
        thetas.append(trainer.theta.detach().clone())
    weights = (1 / 11, 2 / 12)
    expected = thetas[0]
    for weight, theta in zip(weights, thetas[1:], strict=True):
        expected = weight * expected + (1 - weight) * theta
    assert torch.allclose(trainer.average, expected, atol=1e-6)
    trainer.validate()
    assert torch.equal(trainer.best_theta, trainer.average)


def test_bfloat16_learns_about_the_same(dataset: Dataset, parts: Split) -> None:
    exact, rough = (
        Trainer(small_config(precision=precision, shots=3), dataset, parts).advance()
        for precision in ("float32", "bfloat16")
    )
    assert rough.inner_losses != exact.inner_losses
    assert rough.inner_losses == pytest.approx(exact.inner_losses, abs=0.05 * exact.inner_losses[0])
    assert rough.outer_loss == pytest.approx(exact.outer_loss, rel=0.05)


def test_tasks_are_mixed_when_asked(dataset: Dataset, parts: Split) -> None:
    trainer = Trainer(small_config(max_ways=4, max_shots=2, meta_steps=20), dataset, parts)
    shapes = {trainer.tasks.batch(step, 1).support_targets.shape for step in range(20)}
    assert {shape[2] for shape in shapes} == {3, 4}
    assert {shape[1] // shape[2] for shape in shapes} == {1, 2}
    advanced(trainer, 3)


def test_compiling_without_a_compiler_is_refused_in_words(
    dataset: Dataset, parts: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(TrainingError, match="no-such-compiler, which is not installed"):
        Trainer(small_config(compile=True), dataset, parts)


@pytest.mark.gpu
def test_the_gpu_computes_what_the_cpu_computes(dataset: Dataset, parts: Split) -> None:
    on_cpu = advanced(Trainer(small_config(), dataset, parts), 1)
    on_gpu = advanced(Trainer(small_config(device="cuda"), dataset, parts), 1)
    assert torch.allclose(on_cpu.theta, on_gpu.theta.cpu(), atol=1e-3)
