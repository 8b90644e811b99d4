"""How the answers depend on the strength of adaptation: λ and steps around those of the recipe."""

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard import sentences
from dashboard.charts import solving
from dashboard.charts.frame import Row, show
from dashboard.failures import refusal_shown
from dashboard.teach.lesson import Desk, Lesson, Query, Setting, Trial
from dashboard.teach.recipe import LAM_HELP, STEPS_HELP
from dashboard.teach.trials import is_tried, trials
from dashboard.teach.verdicts import is_right, said
from imaml.client import Limits, Prediction, Recipe

FACTORS = (0.01, 0.1, 1, 10, 100)  # of the recipe's λ
MULTIPLES = (0, 0.5, 1, 2, 4, 8)  # of its steps, of which as many as there are factors
LEAST_LAM = 1e-3  # in place of a recipe's λ of 0
MOST_QUERIES = 100
HEIGHT = 260  # pixels
ALL, ALL_SAID = 0, "All images of known class"  # no query has that number
DIVERGED: Row = {"answer": "diverged", "share": 0.0, "text": "–"}


def strength(desk: Desk, lesson: Lesson, limits: Limits) -> None:
    """Draw, once it is asked for, the answer or the accuracy by λ and steps."""
    queries = desk.queries[:MOST_QUERIES]
    lams, steps = grid(lesson.adaptation.recipe, limits)
    settings = [Setting(lesson.model, lam, number) for lam in lams for number in steps]
    first = f" Asked are the first {MOST_QUERIES} images." if len(desk.queries) > MOST_QUERIES else ""
    with st.expander("How the answers depend on λ and steps", icon=":material/apps:", key="strength"):
        st.caption(
            f"Your examples are taught in {len(settings)} other ways, of which nothing is kept. Only the "
            f"model's own λ and steps have been validated.{first}",
            help=f"{LAM_HELP} {STEPS_HELP}",
        )
        if is_tried(lesson, settings, queries):
            _map(lesson, queries, settings, trials(lesson, settings, queries, limits))
        elif st.button("Draw the map", key="draw-map", icon=":material/apps:"):
            with refusal_shown():
                bar = st.progress(0.0)
                trials(
                    lesson, settings, queries, limits, progress=lambda share: bar.progress(share, "Learning")
                )
                st.rerun()


def grid(recipe: Recipe, limits: Limits) -> tuple[list[float], list[int]]:
    """Return five λ and up to five numbers of steps, those of the recipe among them."""
    lams = [(recipe.lam or LEAST_LAM) * factor for factor in FACTORS]
    numbers = {round(max(recipe.max_steps, 1) * multiple) for multiple in MULTIPLES}
    steps = sorted({min(number, limits.max_inner_steps) for number in numbers} | {recipe.max_steps})
    return lams, steps[: len(FACTORS)]


def _map(
    lesson: Lesson, queries: Sequence[Query], settings: Sequence[Setting], made: Sequence[Trial | None]
) -> None:
    truths = lesson.scored(queries)
    names = {query.number: query.picture.name for query in queries}
    options = [*([ALL] if truths else []), *names]
    chosen = st.selectbox(
        "Answers to",
        options,
        format_func=lambda number: ALL_SAID if number == ALL else names[number],
        key="mapped",
        width=340,
    )
    own = lesson.adaptation.recipe
    rows: list[Row] = []
    for setting, trial in zip(settings, made, strict=True):
        answers: dict[int, Prediction] = {}
        if trial is not None:
            answers = dict(zip(names, trial.answers, strict=True))
        cell = _accuracy(answers, truths) if chosen == ALL else _answer(answers.get(chosen))
        is_own = (setting.lam, setting.max_steps) == (own.lam, own.max_steps)
        rows.append({"λ": f"{setting.lam:.3g}", "steps": f"{setting.max_steps}", "own": is_own, **cell})
    title = "Images of known class that are right" if chosen == ALL else "Answer, and how sure it is"
    show(solving.strength(rows, coloured=chosen != ALL), title, "Ringed: how it was taught.", height=HEIGHT)


def _accuracy(answers: Mapping[int, Prediction], truths: Mapping[int, str]) -> Row:
    if not answers:
        return DIVERGED
    number = sum(is_right(answers[query], truth) for query, truth in truths.items())
    share = number / len(truths)
    return {"answer": f"{number} of {len(truths)} right", "share": share, "text": sentences.percent(share)}


def _answer(answer: Prediction | None) -> Row:
    if answer is None:
        return DIVERGED
    confidence = answer.confidence
    return {"answer": said(answer), "share": confidence, "text": sentences.percent(confidence)}
