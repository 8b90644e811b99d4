"""The order in which named parameters lie in one flat vector."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """Names and shapes of parameters, in the order in which they lie in the flat vector."""

    shapes: Mapping[str, tuple[int, ...]]

    @property
    def size(self) -> int:
        """Number of scalars in the vector."""
        return sum(prod(shape) for shape in self.shapes.values())

    def unpack(self, vector: Tensor) -> dict[str, Tensor]:
        """View a flat vector [size] as named tensors."""
        pieces = vector.split([prod(shape) for shape in self.shapes.values()])
        return {
            name: piece.reshape(shape)
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }
