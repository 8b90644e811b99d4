"""What each speed-up of the meta-gradient gave: in a gradient, in Hessian products, and in the whole."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.problem import CG_STEPS, IN_WORDS, TASKS, episodes, implicit, learner
from benchmarks.report import Record, Report
from benchmarks.setting import Setting
from benchmarks.timing import in_turn, paired, timed, unmeasured
from imaml.metagrads.compiled import CompilationError, CompiledProblem
from imaml.metagrads.vectorised import TaskObjective
from imaml.tasks.episodes import Episodes
from imaml.training.fewshot import FewShot

Work = Callable[[], object]


class Variant(NamedTuple):
    """A way to compute the same: in which batches, compiled or not."""

    batches: list[Episodes]
    compiled: CompiledProblem[Episodes] | None = None


def run(setting: Setting) -> Report:
    """Each variant against the one before it, and the last against the first."""
    problem, theta = learner(setting.device)
    tasks = episodes(TASKS, setting.device)
    singles = [Episodes(*(part[task : task + 1] for part in tasks)) for task in range(TASKS)]
    rows: list[Record] = []
    variants = {"task by task": Variant(singles), "all at once": Variant([tasks])}
    try:
        variants["compiled"] = Variant([tasks], compiled=CompiledProblem(problem))
    except CompilationError as error:
        rows.append(unmeasured("compiled", error))
    kinds = {
        f"gradient of {TASKS} tasks": _gradient,
        f"{CG_STEPS} Hessian products": _products,
        "meta-gradient": _meta_gradient,
    }
    for kind, make in kinds.items():
        setting.say(f"meta_step: {kind}, {', '.join(variants)}")
        works = {name: make(problem, theta, variant) for name, variant in variants.items()}
        sides = {name: timed(work, setting.device) for name, work in works.items()}
        seconds = in_turn(sides, setting.rounds)
        names = list(variants)
        rows += [
            paired(f"{kind}: {ours}, against {baseline}", seconds[ours], seconds[baseline])
            for baseline, ours in (*pairwise(names), (names[0], names[-1]))
        ]
    notes = [
        f"{IN_WORDS}; {torch.get_num_threads()} CPU threads, {setting.rounds} rounds.",
        "compiled: all at once, compiling not counted. What PyTorch's own convolutions take is in the "
        "comparison with a plain loop over tasks.",
    ]
    return Report("What each speed-up of the meta-gradient gave", rows, notes)


def _gradient(problem: FewShot, theta: Tensor, variant: Variant) -> Work:
    points = _points(problem, theta, variant)
    return lambda: [objective.value_and_gradient(phi) for objective, phi in points]


def _products(problem: FewShot, theta: Tensor, variant: Variant) -> Work:
    """At one point, so that what can be shared between them is."""
    points = _points(problem, theta, variant)

    def work() -> None:
        for objective, phi in points:
            product = objective.curvature(phi)
            for _ in range(CG_STEPS):
                product(phi)

    return work


def _meta_gradient(problem: FewShot, theta: Tensor, variant: Variant) -> Work:
    method = implicit(problem, variant.compiled)
    return lambda: [method.solve(theta, batch) for batch in variant.batches]


def _points(
    problem: FewShot, theta: Tensor, variant: Variant
) -> list[tuple[TaskObjective[Episodes], Tensor]]:
    """Each batch's objective with its centres."""
    adaptation = implicit(problem, variant.compiled).adaptation
    return [
        (adaptation.objective(batch), adaptation.centres(theta, batch).detach()) for batch in variant.batches
    ]
