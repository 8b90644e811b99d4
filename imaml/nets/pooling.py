"""Max pooling in operations that can be vectorised over tasks, differentiated twice and exported."""

from torch import Tensor


def max_pool(x: Tensor) -> Tensor:
    """The largest of each 2×2 square of [n, channels, height, width]; an odd last row or column is cut off.

    Where several numbers of a square are the largest, they share the gradient evenly.
    """
    height, width = x.shape[2] // 2, x.shape[3] // 2
    squares = x[:, :, : 2 * height, : 2 * width].unflatten(3, (width, 2)).unflatten(2, (height, 2))
    return squares.amax((3, 5))
