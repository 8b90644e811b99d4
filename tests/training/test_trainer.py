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
    losses = torch.stack([trainer.advance().outer_losses.mean() for _ in range(60)])
    assert losses[-15:].mean() < 0.8 * losses[:15].mean()


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
        trainer.theta.zero_()
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


@pytest.mark.gpu
def test_the_gpu_computes_what_the_cpu_computes(dataset: Dataset, parts: Split) -> None:
    on_cpu = advanced(Trainer(small_config(), dataset, parts), 1)
    on_gpu = advanced(Trainer(small_config(device="cuda"), dataset, parts), 1)
    assert torch.allclose(on_cpu.theta, on_gpu.theta.cpu(), atol=1e-3)
