"""Data sets are known by name."""

import pytest

from imaml.tasks import NAMES, load
from imaml.tasks.dataset import DataError


@pytest.mark.parametrize("name", sorted({*NAMES} - {"glyphs", "clusters", "sinusoid"}))
def test_what_is_not_made_by_a_program_needs_its_files(name: str) -> None:
    with pytest.raises(DataError, match=f"{name} needs .*--data PATH"):
        load(name)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(DataError, match="mnist; the known ones are glyphs, omniglot, mini-imagenet, folder"):
        load("mnist")
