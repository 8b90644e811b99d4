"""Augmented images are the originals, mirrored or not, and shifted by a tenth at most."""

import torch
from torch import Tensor

from imaml.tasks.augmentation import NUMBERS, augmented

SIDE = 40
IMAGE = torch.arange(3 * SIDE * SIDE).reshape(1, 3, SIDE, SIDE)


def changed(mirrored: float, down: float, right: float) -> Tensor:
    """The image under one change."""
    return augmented(IMAGE, torch.tensor([[mirrored, down, right]]))


def test_the_middle_of_the_numbers_changes_nothing() -> None:
    assert torch.equal(changed(0.9, 0.5, 0.5), IMAGE)


def test_half_are_mirrored() -> None:
    assert torch.equal(changed(0.0, 0.5, 0.5), IMAGE.flip(3))
    assert torch.equal(changed(0.49, 0.5, 0.5), IMAGE.flip(3))
    assert torch.equal(changed(0.5, 0.5, 0.5), IMAGE)


def test_shifts_are_up_to_a_tenth_and_reflect_at_the_edge() -> None:
    padded = torch.nn.functional.pad(IMAGE.float(), (4, 4, 4, 4), mode="reflect").long()
    for share, offset in ((0.0, 0), (0.999, 8), (0.3, 2)):
        assert torch.equal(changed(0.9, share, 0.5), padded[:, :, offset : offset + SIDE, 4:-4])
        assert torch.equal(changed(0.9, 0.5, share), padded[:, :, 4:-4, offset : offset + SIDE])


def test_each_image_has_a_change_of_its_own() -> None:
    numbers = torch.rand(6, NUMBERS, generator=torch.Generator().manual_seed(0))
    together = augmented(IMAGE.expand(6, -1, -1, -1), numbers)
    assert torch.equal(together, torch.cat([augmented(IMAGE, row[None]) for row in numbers]))
    assert len({image.numpy().tobytes() for image in together}) == 6


def test_small_images_are_not_shifted() -> None:
    image = torch.arange(9 * 9).reshape(1, 1, 9, 9)
    assert torch.equal(augmented(image, torch.tensor([[0.9, 0.0, 0.999]])), image)
