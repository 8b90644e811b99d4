"""Tasks from the images that come with an experiment's model, taught to it, with its answers."""

import streamlit as st

from dashboard import pictures, sentences
from dashboard.connection import client
from dashboard.failures import refusal_shown
from imaml.client import Client, Episode, ExperimentDetail, LabelledExample, Model, Prediction

MOST_WAYS, SHOTS, QUERIES = 5, 1, 3
KEPT_SECONDS = 60


def tasks(experiment: ExperimentDetail) -> None:
    """Draw a task, what the model answers once it has learned it, and the way to the next."""
    made = client().models(experiment_id=experiment.id)
    images = [model for model in made if model.takes_images]
    if not images:
        st.caption("There is no model of images to ask: one is made when the training ends.")
        return
    model = images[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = st.number_input(
            "Task", 0, 1_000_000, key="task", bind="query-params", width=160, help="Each number is another."
        )
    with refusal_shown(), st.spinner("Learning"):
        episode = client().episode(
            model.id, ways=min(MOST_WAYS, model.ways.max), shots=SHOTS, queries=QUERIES, seed=seed
        )
        _draw(episode, _answers(client(), model, episode))


def _answers(service: Client, model: Model, episode: Episode) -> list[Prediction]:
    """Teach the task, ask about its queries, and forget it."""
    support = [(example.image or b"", example.label or "") for example in episode.support]
    adaptation = service.adapt(model.id, support, store_examples=False, ttl_seconds=KEPT_SECONDS)
    answers = service.predict(adaptation.id, [example.image or b"" for example in episode.query])
    service.delete_adaptation(adaptation.id)
    return answers


def _draw(episode: Episode, answers: list[Prediction]) -> None:
    pairs = list(zip(episode.query, answers, strict=True))
    right = sum(_is_right(*pair) for pair in pairs)
    st.html(f'<p class="outcome">{sentences.share(right, len(pairs))}</p>')
    for example in episode.support:
        own = "".join(_answered(*pair) for pair in pairs if pair[0].label == example.label)
        learned = pictures.labelled(example.image or b"", f"learned as {example.label}")
        st.html(f'<div class="task"><div>{learned}</div>{own}</div>')


def _answered(query: LabelledExample, answer: Prediction) -> str:
    verdict = "right" if _is_right(query, answer) else "wrong"
    sure = sentences.percent(answer.confidence)
    said = sure if verdict == "right" else f"{'none of these' if answer.unknown else answer.label}, {sure}"
    return f'<div class="{verdict}">{pictures.labelled(query.image or b"", f"{verdict}: {said}")}</div>'


def _is_right(query: LabelledExample, answer: Prediction) -> bool:
    return answer.label == query.label and not answer.unknown
