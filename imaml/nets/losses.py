"""What a predictor's outputs mean: the loss that both levels minimise, and the answer that a user gets."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class Loss(Protocol):
    """A loss of outputs [n, outputs] against targets of the same shape, convex in the outputs."""

    def value(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss, a scalar."""
        ...

    def answer(self, outputs: Tensor, temperature: Tensor) -> Tensor:
        """What outputs [n, outputs] say to a user, in the same shape."""
        ...

    def hessian_product(self, outputs: Tensor, targets: Tensor, tangent: Tensor) -> Tensor:
        """The loss's Hessian in the outputs times a tangent, all [n, outputs]; positive semi-definite."""
        ...


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy against weighted one-hot rows, summed by weight; the answer is probabilities."""

    def value(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """−Σ targets · log softmax(outputs)."""
        return -(targets * outputs.log_softmax(1)).sum()

    def answer(self, outputs: Tensor, temperature: Tensor) -> Tensor:
        """Probabilities [n, ways], which the temperature evens out (Guo et al. 2017)."""
        return (outputs / temperature).softmax(1)

    def hessian_product(self, outputs: Tensor, targets: Tensor, tangent: Tensor) -> Tensor:
        """(diag p − p pᵀ) tangent in each row, times the row's weight."""
        p = outputs.softmax(1)
        return targets.sum(1, keepdim=True) * p * (tangent - (p * tangent).sum(1, keepdim=True))


@dataclass(frozen=True)
class SquaredError:
    """Half the mean squared error; the answer is the outputs themselves."""

    def value(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Half the mean over all n × outputs squared differences."""
        difference = outputs - targets
        return (difference * difference).mean() / 2

    def answer(self, outputs: Tensor, temperature: Tensor) -> Tensor:
        """The outputs as they are."""
        return outputs

    def hessian_product(self, outputs: Tensor, targets: Tensor, tangent: Tensor) -> Tensor:
        """The tangent over n × outputs."""
        return tangent / tangent.numel()
