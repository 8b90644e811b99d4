"""Memory and time of one meta-gradient against the inner steps (Rajeswaran et al. 2019, figure 2b)."""

from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from benchmarks.live import peak_bytes
from benchmarks.plot import line_chart
from benchmarks.problem import EPISODES, episodes
from benchmarks.report import Record, Report
from benchmarks.setting import Setting
from benchmarks.timing import in_turn, timed
from imaml.metagrads.adaptation import PlainDescent, ProximalAdaptation
from imaml.metagrads.first_order import FirstOrderGradient
from imaml.metagrads.implicit import ImplicitGradient
from imaml.metagrads.method import MetaMethod
from imaml.metagrads.unrolled import UnrolledGradient
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.gradient_descent import GradientDescent
from imaml.tasks.episodes import Episodes
from imaml.training.fewshot import FewShot
from imaml.training.learner import Architecture

INNER_STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
TASKS, FILTERS = 2, 32
MIB = 2**20


def methods(problem: FewShot, steps: int) -> dict[str, MetaMethod[Episodes]]:
    """The three methods with gradient descent of so many steps."""
    solver = GradientDescent(steps, learning_rate=0.05)
    plain = PlainDescent(problem, solver)
    proximal = ProximalAdaptation(problem, solver, lam=0.5)
    return {
        "MAML": UnrolledGradient(plain),
        "FOMAML": FirstOrderGradient(plain),
        "iMAML": ImplicitGradient(proximal, ConjugateGradient(5)),
    }


def run(setting: Setting) -> Report:
    """Peak memory and time of each method for each number of steps."""
    predictor = Architecture(filters=FILTERS, head="prototype", ways=5).predictor()
    theta = predictor.initialise(torch.Generator().manual_seed(0)).to(setting.device)
    tasks = episodes(TASKS, setting.device)
    rows: list[Record] = []
    for steps in INNER_STEPS:
        setting.say(f"memory, {steps} inner steps")
        rows += _rows(methods(FewShot(predictor), steps), theta, tasks, steps, setting.device)
    memory, time = (_lines(rows, column) for column in ("peak (MiB)", "time (ms)"))
    title = "Memory and time of one meta-gradient"
    notes = [
        f"{EPISODES}, {TASKS} tasks at once, Conv4-{FILTERS} with a prototype head, gradient descent, iMAML "
        "with 5 CG steps, all eager.",
        "Memory: what the allocator gave out at most, beyond θ and the tasks."
        if setting.device.type == "cuda"
        else "Memory: the most bytes that tensors held at one time, counted at every operation, beyond θ and "
        "the tasks.",
        "Time: median of three runs of all methods in turn (from 64 steps on: of one).",
    ]
    plots = {
        "memory": line_chart(f"Peak memory, {TASKS} tasks", "inner steps", "MiB", memory),
        "memory_time": line_chart(f"Time, {TASKS} tasks", "inner steps", "ms", time),
    }
    return Report(title, rows, notes, plots)


def _lines(rows: list[Record], column: str) -> dict[str, list[tuple[float, float]]]:
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        point = float(row["inner steps"] or 0), float(row[column] or 0)
        lines.setdefault(str(row["method"]), []).append(point)
    return lines


def _rows(
    methods: dict[str, MetaMethod[Episodes]], theta: Tensor, tasks: Episodes, steps: int, device: torch.device
) -> list[Record]:
    def work(method: MetaMethod[Episodes]) -> Callable[[], object]:
        return lambda: method.solve(theta, tasks)

    seconds = in_turn(
        {name: timed(work(method), device) for name, method in methods.items()}, 3 if steps < 64 else 1
    )
    return [
        {
            "method": name,
            "inner steps": steps,
            "peak (MiB)": peak_bytes(work(method), device) / MIB,
            "time (ms)": median(seconds[name]) * 1e3,
        }
        for name, method in methods.items()
    ]
