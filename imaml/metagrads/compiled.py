"""A problem's inner and outer gradients and curvature products, compiled once for each shape of the tasks."""

import os
import shutil
import sys
from collections.abc import Callable
from typing import Any, Generic

import torch
from torch import Tensor
from torch.func import grad, grad_and_value, vmap  # pyright: ignore[reportUnknownVariableType]

from imaml.metagrads.problem import Problem, Task

SHAPES = 64
"""How many shapes of tasks a problem is compiled for before the run is stopped as one that only compiles."""


class CompilationError(RuntimeError):
    """Compiling is not possible here; the message says what to do."""


class CompiledProblem(Generic[Task]):
    """The vectorised functions of a problem through `torch.compile`: made once, used for every batch.

    The single step is compiled, never the loop over steps, which would take longer than it saves. The first
    call for each shape traces and compiles, on a CPU for about a minute for a convolutional network; all
    others are fast. On a CUDA device every call replays a CUDA graph.
    """

    def __init__(self, problem: Problem[Task]) -> None:
        """Compiles nothing yet. Raises CompilationError where there is no C++ compiler."""
        compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
        if not shutil.which(compiler):
            raise CompilationError(
                f"Compiling needs the C++ compiler {compiler}, which is not installed; install it, name "
                "another in CXX, or train without compiling."
            )
        self._problem = problem
        self._gradient_and_value = _compile(grad_and_value(problem.inner_loss))
        self._outer_gradient_and_value = _compile(grad_and_value(problem.outer_loss))
        self._hessian_product = _compile(self._hessian_of_one)
        self._gauss_newton_product = _compile(self._gauss_newton_of_one)

    def value_and_gradient(self, point: Tensor, tasks: Task) -> tuple[Tensor, Tensor]:
        """L [T] and ∇L [T, size] at points [T, size]; where those carry a graph, so does ∇L."""
        return _Gradient.apply(point, tasks, self._gradient_and_value, self._hessian_product)

    def outer_value_and_gradient(self, point: Tensor, tasks: Task) -> tuple[Tensor, Tensor]:
        """L(φ, D_te) [T] and its total derivative [T, size] at points φ [T, size]."""
        gradient, losses = self._outer_gradient_and_value(_plain(point), tasks)
        return _kept(losses), _kept(gradient)

    def hessian_product(self, point: Tensor, tasks: Task, vector: Tensor) -> Tensor:
        """∇²L p [T, size] at points [T, size]."""
        return _kept(self._hessian_product(_plain(point), tasks, vector))

    def gauss_newton_product(self, point: Tensor, tasks: Task, vector: Tensor) -> Tensor:
        """Jᵀ ∇²ℓ J p [T, size] at points [T, size]; see `TaskObjective.gauss_newton`."""
        return _kept(self._gauss_newton_product(_plain(point), tasks, vector))

    def _hessian_of_one(self, phi: Tensor, task: Task, vector: Tensor) -> Tensor:
        # Forward over reverse takes a jvp outside vmap to be traced, and was no faster.
        def slope(phi: Tensor) -> Tensor:
            return grad(self._problem.inner_loss)(phi, task) @ vector

        return grad(slope)(phi)

    def _gauss_newton_of_one(self, phi: Tensor, task: Task, vector: Tensor) -> Tensor:
        def weighted(phi: Tensor, u: Tensor) -> Tensor:
            return (self._problem.inner_outputs(phi, task) * u).sum()

        def slope(u: Tensor) -> Tensor:
            return grad(weighted)(phi, u) @ vector

        outputs = self._problem.inner_outputs(phi, task)
        tangent = grad(slope)(torch.zeros_like(outputs))
        return grad(weighted)(phi, self._problem.output_curvature(outputs, task, tangent))


class _Gradient(torch.autograd.Function):
    """L and ∇L. The way back through ∇L is a Hessian product, so a path of steps holds its points alone."""

    @staticmethod
    def forward(
        ctx: Any,
        point: Tensor,
        tasks: Any,
        gradient_and_value: Callable[..., Any],
        hessian_product: Callable[..., Any],
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(point)
        ctx.hessian_product, ctx.tasks = hessian_product, tasks
        gradient, losses = gradient_and_value(_plain(point), tasks)
        ctx.mark_non_differentiable(losses)
        return _kept(losses), _kept(gradient)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None, None, None]:
        (point,) = ctx.saved_tensors
        product = ctx.hessian_product(_plain(point), ctx.tasks, grad_outputs[1].contiguous())
        return _kept(product), None, None, None


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of one task, for batches of them."""
    # The declared overloads of this version leave its last two options out.
    return torch.compile(  # pyright: ignore[reportCallIssue]
        vmap(function),
        dynamic=False,
        fullgraph=True,
        mode="reduce-overhead",  # CUDA graphs, where there is CUDA
        isolate_recompiles=True,
        recompile_limit=SHAPES,
    )


def _plain(point: Tensor) -> Tensor:
    """Without a graph and of one layout in memory: centres that are all the same θ would compile anew."""
    return point.detach().contiguous()


def _kept(result: Tensor) -> Tensor:
    """A result that stays: the next replay of a CUDA graph writes over its own."""
    return result.clone() if result.is_cuda else result
