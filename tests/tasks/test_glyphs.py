"""Procedural characters follow from the seed, look like ink on paper, and come in classes."""

import numpy as np
import pytest

from imaml.runtime.preprocessing import normalise
from imaml.tasks import load
from imaml.tasks.dataset import Dataset
from imaml.tasks.glyphs import generate, render


@pytest.fixture(scope="module")
def glyphs() -> Dataset:
    """Thirty classes of ten."""
    return generate(30, 10, seed=4)


def test_the_seed_decides(glyphs: Dataset) -> None:
    assert generate(30, 10, seed=4).fingerprint == glyphs.fingerprint
    assert generate(30, 10, seed=5).fingerprint != glyphs.fingerprint


def test_a_class_does_not_depend_on_how_many_there_are(glyphs: Dataset) -> None:
    few = generate(3, 10, seed=4)
    assert few.class_names == glyphs.class_names[:3]
    assert np.array_equal(few.examples, glyphs.examples[:30])


def test_the_data_set_has_what_was_asked_for(glyphs: Dataset) -> None:
    assert glyphs.examples.shape == (300, 1, 28, 28)
    assert glyphs.counts.tolist() == [10] * 30
    assert len(set(glyphs.class_names)) == 30


def test_images_are_the_rendered_ones_preprocessed(glyphs: Dataset) -> None:
    rendered = render(30, 10, seed=4)
    assert rendered.shape == (30, 10, 64, 64)
    assert np.array_equal(normalise(list(rendered.reshape(300, 64, 64))), glyphs.examples[:, 0])


def test_rendered_images_are_dark_smooth_ink_on_white() -> None:
    rendered = render(30, 10, seed=4)
    border = np.ones((64, 64), bool)
    border[2:-2, 2:-2] = False
    assert (rendered[:, :, border] == 255).all()
    assert (rendered.min(axis=(2, 3)) < 100).all()
    assert np.median(rendered) == 255
    between = (rendered > 20) & (rendered < 235)
    assert (between.sum(axis=(2, 3)) > 10).all()


def test_hands_differ_in_pen_and_line() -> None:
    rendered = render(30, 10, seed=4)
    ink = (255.0 - rendered).sum(axis=(2, 3))
    assert (ink.max(axis=1) > 1.3 * ink.min(axis=1)).all()
    assert len(np.unique(rendered.reshape(300, -1), axis=0)) == 300


def test_examples_are_most_like_their_own_class(glyphs: Dataset) -> None:
    pixels = glyphs.examples.reshape(30, 10, -1).astype(np.float64)
    means = pixels[:, 1:].mean(axis=1)
    nearest = np.linalg.norm(pixels[:, :1] - means, axis=2).argmin(axis=1)
    assert (nearest == np.arange(30)).mean() > 0.6


def test_glyphs_need_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "__defaults__", (4, 2, 0))
    assert load("glyphs").class_names == generate(4, 2, 0).class_names
