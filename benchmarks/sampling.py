"""The share of a meta-step that drawing its tasks takes."""

from statistics import median

from benchmarks.problem import IN_WORDS, TASKS, implicit, learner, sampler
from benchmarks.report import Report
from benchmarks.setting import Setting
from benchmarks.timing import deciles, in_turn, timed
from imaml.metagrads.compiled import CompilationError, CompiledProblem

CLASSES = 400


def run(setting: Setting) -> Report:
    """Drawing a batch of tasks, against the meta-gradient in its fastest form here."""
    problem, theta = learner(setting.device)
    try:
        form, method = "compiled", implicit(problem, CompiledProblem(problem))
    except CompilationError:
        form, method = "eager", implicit(problem)
    setting.say(f"sampling: {CLASSES} characters, and the {form} meta-gradient")
    source = sampler(setting.device, CLASSES)
    steps = iter(range(2**31))
    tasks = source.batch(0, TASKS)
    sides = {
        "draw": timed(lambda: source.batch(next(steps), TASKS), setting.device),
        "gradient": timed(lambda: method.solve(theta, tasks), setting.device),
    }
    seconds = in_turn(sides, setting.rounds)
    shares = [100 * d / (d + g) for d, g in zip(seconds["draw"], seconds["gradient"], strict=True)]
    low, high = deciles(shares)
    row = {
        "benchmark": f"drawing {TASKS} tasks of a {form} meta-step",
        "drawing (ms)": median(seconds["draw"]) * 1e3,
        "meta-gradient (ms)": median(seconds["gradient"]) * 1e3,
        "share (%)": median(shares),
        "10 %": low,
        "90 %": high,
    }
    notes = [
        f"{IN_WORDS}; of {CLASSES} characters in four orientations; {setting.rounds} rounds.",
    ]
    return Report("Share of a meta-step that drawing its tasks takes", [row], notes)
