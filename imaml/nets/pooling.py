"""Max pooling in operations that can be vectorised over tasks, differentiated twice and exported."""

from torch import Tensor


def max_pool(x: Tensor) -> Tensor:
    """The largest of each 2×2 square of [n, height, width, channels]; an odd last row or column is cut off.

    Where several numbers of a square are the largest, they share the gradient evenly.
    """
    height, width = x.shape[1] // 2, x.shape[2] // 2
    squares = x[:, : 2 * height, : 2 * width].unflatten(2, (width, 2)).unflatten(1, (height, 2))
    return squares.amax((2, 4))
