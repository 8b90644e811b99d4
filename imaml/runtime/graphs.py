"""A model's ONNX graphs as ONNX Runtime sessions; their parameters are inputs, so one set serves all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, cast

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from imaml.runtime import devices
from imaml.runtime.batching import Batcher
from imaml.runtime.portability import GraphError, check_portable

Array = NDArray[np.float32]

_SIGNATURES = {
    "centre": (("theta", "images", "targets"), ("centre", "seen", "features", "moments")),
    "value_and_gradient": (("phi", "seen", "targets"), ("loss", "gradient", "logits", "features", "moments")),
    "predict": (("phi", "moments", "images", "temperature"), ("probabilities", "features")),
    "curvature_product": (("phi", "seen", "targets", "p"), ("product",)),
    "value_and_gradient_batch": (
        ("phi", "seen", "targets"),
        ("losses", "gradients", "logits", "features", "moments"),
    ),
}
"""Inputs and outputs of each graph, all of them float32."""

BATCH = 8
"""Tasks of `value_and_gradient_batch`."""

OPTIONAL = ("curvature_product", "value_and_gradient_batch")
"""What few recipes need, or only GPUs."""

REQUIRED = tuple(name for name in _SIGNATURES if name not in OPTIONAL)


class Centre(NamedTuple):
    """Where an adaptation starts."""

    phi: Array
    """The centre of the proximal term."""
    seen: Array
    """The support set as the first layer sees it, which stays the same while φ changes."""
    features: Array
    """Of each example under θ [n, features]."""
    moments: Array
    """Of the support set under θ."""


class Evaluation(NamedTuple):
    """The inner problem's loss L at one φ."""

    loss: float
    gradient: Array
    logits: Array
    """Of each example [n, ways]."""
    features: Array
    """Of each example [n, features]."""
    moments: Array
    """Of the support set."""


@dataclass(frozen=True)
class Graphs:
    """The functions of a model. θ and φ are flat vectors.

    `images` are what the model's input makes of examples, images [n, channels, height, width] or vectors
    [n, length]. Targets are weighted one-hot rows [n, ways] that sum to 1 over the support set, in regression
    numbers [n, 1].
    """

    _sessions: Mapping[str, ort.InferenceSession]
    _batcher: "Batcher[Problem, Evaluation] | None" = None

    @classmethod
    def load(cls, files: Mapping[str, bytes], threads: int, device: devices.Device = "cpu") -> "Graphs":
        """Make the sessions, each with that many threads.

        Raises GraphError for a graph that is missing, is not ONNX, has its weights in other files, uses
        operators that are not ONNX's own or is another function; and DeviceError.
        """
        chosen = devices.choose(device).device
        sessions: dict[str, ort.InferenceSession] = {}
        for name in (*REQUIRED, *(name for name in OPTIONAL if name in files)):
            if name not in files:
                raise GraphError(f"The model has no graph {name!r}; export it again.")
            check_portable(name, files[name])
            sessions[name] = devices.session(name, files[name], threads, chosen)
            _check_signature(name, sessions[name])
        # On a CPU the steps of several adaptations together take as long as one after the other.
        batched = chosen == "cuda" and "value_and_gradient_batch" in sessions
        return cls(sessions, Batcher(_batch_of(sessions), BATCH, _fits) if batched else None)

    @property
    def has_curvature(self) -> bool:
        """Whether there is a `curvature_product`."""
        return "curvature_product" in self._sessions

    def centre(self, theta: Array, images: Array, targets: Array) -> Centre:
        """The centre of the proximal term for a support set."""
        return Centre(*self.run("centre", theta=theta, images=images, targets=targets))

    def value_and_gradient(self, phi: Array, seen: Array, targets: Array) -> Evaluation:
        """The loss of the support set at φ, its gradient, and what the network makes of each example."""
        if self._batcher:
            return self._batcher(Problem(phi, seen, targets))
        loss, *rest = self.run("value_and_gradient", phi=phi, seen=seen, targets=targets)
        return Evaluation(float(loss) + 0.0, *rest)  # not -0.0, where nothing is lost

    def predict(self, phi: Array, moments: Array, images: Array, temperature: float) -> tuple[Array, Array]:
        """Probabilities [n, ways], in regression numbers [n, 1], each of φ, the moments and that one row.

        The logits are divided by the temperature. The second is the features of each row [n, features].
        """
        scalar = np.array([temperature], np.float32)
        answers, features = self.run("predict", phi=phi, moments=moments, images=images, temperature=scalar)
        return answers, features

    def curvature_product(self, phi: Array, seen: Array, targets: Array, p: Array) -> Array:
        """The Hessian of L at φ times p [size], where `has_curvature`."""
        (product,) = self.run("curvature_product", phi=phi, seen=seen, targets=targets, p=p)
        return product

    def run(self, name: str, **inputs: Array) -> list[Array]:
        """The outputs of a graph as they are."""
        return cast(list[Array], self._sessions[name].run(None, inputs))


class Problem(NamedTuple):
    """The inner problem of one task at one φ."""

    phi: Array
    seen: Array
    targets: Array


def _fits(problem: Problem, other: Problem) -> bool:
    """Whether two problems differ in the number of examples at most."""
    return problem.phi.shape == other.phi.shape


def evaluate_batch(session: ort.InferenceSession, problems: Sequence[Problem]) -> list[Evaluation]:
    """Evaluate problems that fit together, BATCH at most, in one call.

    Examples of weight zero, which count as none, make them as long as the longest; the first problem fills up
    the batch.
    """
    longest = max(len(problem.seen) for problem in problems)
    padded = [_padded(problem, longest) for problem in problems]
    padded += padded[:1] * (BATCH - len(problems))
    phi, seen, targets = (np.stack(parts) for parts in zip(*padded, strict=True))
    outputs = cast(list[Array], session.run(None, {"phi": phi, "seen": seen, "targets": targets}))
    evaluations: list[Evaluation] = []
    for task, problem in enumerate(problems):
        loss, gradient, logits, features, moments = (output[task] for output in outputs)
        count = len(problem.seen)
        evaluations.append(Evaluation(float(loss) + 0.0, gradient, logits[:count], features[:count], moments))
    return evaluations


def _padded(problem: Problem, length: int) -> Problem:
    missing = length - len(problem.seen)
    seen, targets = (
        np.pad(part, [(0, missing), *[(0, 0)] * (part.ndim - 1)]) for part in (problem.seen, problem.targets)
    )
    return Problem(problem.phi, seen, targets)


def _batch_of(
    sessions: Mapping[str, ort.InferenceSession],
) -> Callable[[Sequence[Problem]], list[Evaluation]]:
    return partial(evaluate_batch, sessions["value_and_gradient_batch"])


def _check_signature(name: str, session: ort.InferenceSession) -> None:
    inputs, outputs = _SIGNATURES[name]
    arguments, results = session.get_inputs(), session.get_outputs()
    if {argument.name for argument in arguments} != {*inputs} or [*outputs] != [r.name for r in results]:
        raise GraphError(
            f"The graph {name!r} must take {', '.join(inputs)} and give {', '.join(outputs)}; "
            "it is another function."
        )
    if any(argument.type != "tensor(float)" for argument in (*arguments, *results)):
        raise GraphError(f"The graph {name!r} must take and give float32 numbers alone.")
