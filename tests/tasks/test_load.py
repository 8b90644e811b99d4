"""Data sets are known by name."""

import pytest

from imaml.tasks import load
from imaml.tasks.dataset import DataError


def test_omniglot_needs_its_images() -> None:
    with pytest.raises(DataError, match="--data PATH"):
        load("omniglot")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(DataError, match="mnist; the known ones are glyphs, omniglot"):
        load("mnist")
