"""The order in which named parameters lie in one flat vector."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch
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

    def initialise(self, generator: torch.Generator) -> Tensor:
        """Draw a vector [size]: Xavier uniform (Glorot & Bengio 2010) for names in `weight`, the rest 0.

        Names that end in `scale` get 1.
        """
        pieces: list[Tensor] = []
        for name, shape in self.shapes.items():
            if name.endswith("weight"):
                piece = torch.empty(shape)
                # Kernels are [out, k, k, in]; the library takes the first two axes for out and in.
                torch.nn.init.xavier_uniform_(piece.movedim(-1, 1), generator=generator)
            else:
                piece = torch.full(shape, 1.0 if name.endswith("scale") else 0.0)
            pieces.append(piece.flatten())
        return torch.cat(pieces)
