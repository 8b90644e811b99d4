"""Small changes that leave a photograph's class as it is: a mirror image, a shift."""

import torch
from torch import Tensor

NUMBERS = 3
"""How many random numbers an image takes."""

_SHIFT = 0.1  # of the side, at most


def augmented(images: Tensor, numbers: Tensor) -> Tensor:
    """The `images` [n, channels, height, width], each mirrored or not, and shifted by a tenth at most.

    What a shift lays bare is filled with the reflection at the edge. `numbers` [n, NUMBERS], between 0 and
    1, decide for each image.
    """
    n, channels, height, width = images.shape
    mirrored, down, right = numbers.T[:, :, None]
    rows = _shifted(height, down)
    columns = _shifted(width, right)
    columns = torch.where(mirrored < 0.5, width - 1 - columns, columns)
    images = images.gather(2, rows[:, None, :, None].expand(n, channels, height, width))
    return images.gather(3, columns[:, None, None, :].expand(n, channels, height, width))


def _shifted(side: int, share: Tensor) -> Tensor:
    """Which rows stand in each row's place [n, side] after shifts that `share` [n, 1] decides."""
    most = int(_SHIFT * side)
    shift = (share * (2 * most + 1)).long() - most
    last = side - 1
    return last - (last - (torch.arange(side, device=share.device) + shift).abs()).abs()
