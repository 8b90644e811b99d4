"""One meta-gradient of 16 tasks, against TorchOpt, learn2learn and a plain loop over tasks.

All compute the same from the same weights and episodes; how far their meta-gradients differ stands in the
table. The libraries run in processes of an environment of their own, and all sides take turns.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from benchmarks.peers import environment, plain_loop
from benchmarks.peers.conversion import unpack
from benchmarks.peers.environment import PeerError
from benchmarks.peers.process import Worker, start
from benchmarks.peers.work import Gradient, Work
from benchmarks.problem import CG_STEPS, IN_WORDS, LAM, RATE, STEPS, TASKS, episodes, implicit, learner
from benchmarks.report import Record, Report
from benchmarks.setting import Setting
from benchmarks.timing import in_turn, paired, timed, unmeasured
from imaml.metagrads.adaptation import PlainDescent
from imaml.metagrads.compiled import CompilationError, CompiledProblem
from imaml.metagrads.method import MetaMethod
from imaml.metagrads.unrolled import UnrolledGradient
from imaml.nets.predictor import Predictor
from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.status import Status
from imaml.tasks.episodes import Episodes
from imaml.training.fewshot import FewShot


class Contender(Protocol):
    """One implementation of a meta-gradient."""

    def seconds(self) -> float:
        """Compute it and say how long that took."""
        ...

    def gradient(self) -> Gradient:
        """Compute it."""
        ...


@dataclass(frozen=True)
class Local:
    """One that runs in this process."""

    gradient: Callable[[], Gradient]
    device: torch.device

    def seconds(self) -> float:
        """Compute it and say how long that took."""
        return timed(self.gradient, self.device)()


def work(predictor: Predictor, theta: Tensor, tasks: Episodes) -> Work:
    """The same work for the peers."""
    data = (tasks.support, tasks.support_targets.argmax(2), tasks.query, tasks.query_targets.argmax(2))
    return Work(unpack(predictor, theta), *data, STEPS, RATE, LAM, CG_STEPS)


def local(method: MetaMethod[Episodes], predictor: Predictor, theta: Tensor, tasks: Episodes) -> Local:
    """One of our methods as a contender."""

    def gradient() -> Gradient:
        result = method.solve(theta, tasks)
        return result.outer_losses.mean(), unpack(predictor, result.value)

    return Local(gradient, theta.device)


def agreeable(problem: FewShot, theta: Tensor, tasks: Episodes) -> Episodes:
    """TASKS of the tasks, without those whose system is indefinite: there ours stops and the others go on."""
    linear = implicit(problem).solve(theta, tasks).linear
    assert linear
    chosen = (linear.status != Status.NEGATIVE_CURVATURE).nonzero().flatten()[:TASKS]
    return Episodes(*(part[chosen] for part in tasks))


def run(setting: Setting) -> Report:
    """One row for each of ours against each of the others."""
    problem, theta = learner(setting.device)
    predictor = problem.predictor
    tasks = agreeable(problem, theta, episodes(2 * TASKS, setting.device))
    given = work(predictor, theta, tasks)
    ours = partial(local, predictor=predictor, theta=theta, tasks=tasks)
    descent = PlainDescent(problem, GradientDescent(STEPS, RATE))
    implicits = {"iMAML": ours(implicit(problem))}
    unrolled = {"MAML": ours(UnrolledGradient(descent))}
    rows: list[Record] = []
    try:
        compiled = CompiledProblem(problem)
        implicits["iMAML, compiled"] = ours(implicit(problem, compiled))
        unrolled["MAML, compiled"] = ours(UnrolledGradient(replace(descent, compiled=compiled)))
        setting.say("comparators: compiling (some minutes on a CPU)")
        unrolled["MAML, compiled"].seconds()
    except CompilationError as error:
        rows.append(unmeasured("compiled", error))
    others: dict[str, Contender] = {
        "a plain loop": Local(partial(plain_loop.meta_gradient, given), setting.device)
    }
    with ExitStack() as stack:
        libraries, failures = _libraries(given, setting, stack)
        rows += failures
        others |= {name: worker for name, worker in libraries.items() if name == "TorchOpt"}
        rows += _rows(implicits, others, setting)
        if "learn2learn" in libraries:
            rows += _rows(unrolled, {"learn2learn": libraries["learn2learn"]}, setting)
    return Report("One meta-gradient, against other implementations", rows, _notes(setting))


def difference(mine: Gradient, theirs: Gradient) -> float:
    """‖theirs − ours‖ / ‖ours‖ of the meta-gradient."""
    one, other = (torch.cat([part.cpu().flatten() for part in gradient]) for _, gradient in (mine, theirs))
    return ((other - one).norm() / one.norm()).item()


def _libraries(given: Work, setting: Setting, stack: ExitStack) -> tuple[dict[str, Worker], list[Record]]:
    """The libraries' workers, and a row for each that does not run here."""
    workers: dict[str, Worker] = {}
    failures: list[Record] = []
    for name in ("TorchOpt", "learn2learn"):
        setting.say(f"comparators: {name}")
        try:
            environment.prepare()
            worker = stack.enter_context(start(name.lower(), given, setting.device))
            worker.seconds()
            workers[name] = worker
        except PeerError as error:
            failures.append(unmeasured(f"against {name}", error))
    return workers, failures


def _rows(ours: Mapping[str, Contender], others: Mapping[str, Contender], setting: Setting) -> list[Record]:
    setting.say(f"comparators: {', '.join(ours)} against {', '.join(others)}")
    sides = {name: contender.seconds for name, contender in {**ours, **others}.items()}
    seconds = in_turn(sides, setting.rounds)
    return [
        {
            **paired(f"{name}, against {other}", seconds[name], seconds[other]),
            "difference": difference(mine.gradient(), theirs.gradient()),
        }
        for other, theirs in others.items()
        for name, mine in ours.items()
    ]


def _notes(setting: Setting) -> list[str]:
    return [
        f"{IN_WORDS}, inner rate {RATE}, λ = {LAM:g} (MAML: λ = 0, through the path).",
        f"{torch.get_num_threads()} CPU threads on each side, {setting.rounds} rounds, in each of which all "
        "sides have a turn; 10 % and 90 % are of the rounds' ratios.",
        "difference: ‖theirs − ours‖ / ‖ours‖ of the meta-gradient; about 0.02 is rounding that puts an "
        "activation of one task on the other side of its ReLU's kink. Tasks with negative curvature are left "
        "out: there our conjugate gradients stop and the others go on.",
        "TorchOpt and learn2learn: the versions in benchmarks/requirements.txt, with the same PyTorch. "
        "learn2learn's compiled data loaders do not build on Python 3.11; its MAML is used without them.",
    ]
