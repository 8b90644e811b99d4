"""What a meta-gradient needs to know of a family of tasks."""

from typing import Protocol, TypeVar

from torch import Tensor

Task = TypeVar("Task", contravariant=True)


class Problem(Protocol[Task]):
    """Differentiable functions of one task; the meta-gradients vectorise them with `torch.func.vmap`.

    A task is a tuple of tensors; a batch of tasks is the same tuple with a leading dimension.
    """

    def centre(self, theta: Tensor, task: Task) -> Tensor:
        """The centre c(θ, D_tr) of the proximal term [φ's length]."""
        ...

    def inner_loss(self, phi: Tensor, task: Task) -> Tensor:
        """L(φ, D_tr), a scalar."""
        ...

    def inner_outputs(self, phi: Tensor, task: Task) -> Tensor:
        """The outputs of which L(φ, D_tr) is a convex function, of any shape."""
        ...

    def output_curvature(self, outputs: Tensor, task: Task, tangent: Tensor) -> Tensor:
        """The Hessian of that convex function times a tangent; both of the outputs' shape."""
        ...

    def outer_loss(self, phi: Tensor, task: Task) -> Tensor:
        """L(φ, D_te; m(φ, D_tr)), a scalar, differentiable through the moments m too."""
        ...
