"""Which experiment is better on identical episodes, as a table and a chart."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.charts import comparison
from dashboard.charts.frame import Row, show
from dashboard.review.comparison.address import chosen
from dashboard.review.comparison.interval import Interval
from dashboard.review.comparison.missing import missing
from dashboard.review.comparison.paired import Difference, differences
from dashboard.review.comparison.run import Run
from dashboard.review.comparison.tables import table
from imaml.client import Evaluation

TEST = "test"
HEIGHT, ROW = 70, 30  # pixels of the chart without its rows, and of one

TOLD = ("dataset", "split", "ways", "shots", "queries", "episodes", "seed", "transductive")
DIFFERENCE = "Difference (points)"
HELP = {
    DIFFERENCE: "Mean difference episode by episode, with its 95 % confidence interval by Student's t. "
    "Each interval is of one comparison: of twenty equal runs one looks different by chance.",
    "Verdict": "Better or worse where the interval excludes zero, open where it does not.",
    "Episodes": "Both were scored on exactly these.",
}


def paired(runs: Sequence[Run]) -> None:
    """Draw the differences of all experiments from the baseline that one chooses."""
    by_id = {run.id: run for run in runs}
    with st.grid(2, min_column_width=300):
        baseline = by_id[chosen("baseline", "Baseline", [*by_id], lambda each: by_id[each].label)]
        others = [run for run in runs if run is not baseline]
        found = [each for run in others for each in differences(baseline, run)]
        task = _chosen_task(found) if found else ""
    drawn = [each for each in found if _task(each.evaluation) == task]
    if found:
        _forest(drawn, baseline, runs)
        exact = [_exact(each, baseline) for each in found]
        table([_row(each) for each in found], exact, "Paired differences", HELP)
    missing(baseline, runs, drawn)


def _chosen_task(found: Sequence[Difference]) -> str:
    """Of which episodes the chart is: at first of test classes, then those of most runs, then the most."""
    runs = Counter(_task(each.evaluation) for each in found)
    asked = {_task(each.evaluation): each.evaluation for each in found}
    order = sorted(asked, key=lambda task: (asked[task].split != TEST, -runs[task], -asked[task].episodes))
    return chosen("task", "Episodes in the chart", order)


def _task(evaluation: Evaluation) -> str:
    parts = [
        sentences.task(evaluation),
        f"{evaluation.dataset} {evaluation.split}",
        sentences.count(evaluation.queries, "query", "queries"),
        f"seed {evaluation.seed}",
        sentences.count(evaluation.episodes, "episode"),
    ]
    return ", ".join([*parts, *(["transductive"] if evaluation.transductive else [])])


def _forest(found: Sequence[Difference], baseline: Run, runs: Sequence[Run]) -> None:
    rows = [_point(each) for each in found]
    chart = comparison.forest(rows, {run.id: run.label for run in runs})
    title = f"Better or worse than {baseline.label}"
    note = "Mean difference on the same episodes, with its 95 % confidence interval."
    show(chart, title, note, HEIGHT + ROW * len(rows))


def _point(each: Difference) -> Row:
    low, high = _bounds(each)
    return {
        "curve": each.run.id,
        "label": each.run.label,
        "value": 100 * each.interval.mean,
        "low": low,
        "high": high,
        "episodes": each.interval.n,
    }


def _row(each: Difference) -> dict[str, object]:
    half = each.interval.half
    return {
        "Experiment": each.run.label,
        DIFFERENCE: f"{100 * each.interval.mean:+.2f}" + ("" if half is None else f" ± {100 * half:.2f}"),
        "Verdict": _verdict(each.interval),
        "Accuracy": sentences.accuracy(each.evaluation.accuracy),
        "Baseline": sentences.accuracy(each.baseline.accuracy),
        "Episodes": each.interval.n,
        "Task": _task(each.evaluation),
    }


def _verdict(difference: Interval) -> str:
    if not difference.excludes_zero:
        return "open"
    return "better" if difference.mean > 0 else "worse"


def _exact(each: Difference, baseline: Run) -> dict[str, object]:
    low, high = _bounds(each)
    told = each.evaluation.model_dump(include={*TOLD})
    return {
        "experiment": each.run.label,
        "baseline": baseline.label,
        "difference_points": 100 * each.interval.mean,
        "low": low,
        "high": high,
        "excludes_zero": each.interval.excludes_zero,
        "accuracy": each.evaluation.accuracy,
        "accuracy_baseline": each.baseline.accuracy,
        **{name: told[name] for name in TOLD},
    }


def _bounds(each: Difference) -> tuple[float | None, float | None]:
    low, high = each.interval.low, each.interval.high
    return None if low is None else 100 * low, None if high is None else 100 * high
