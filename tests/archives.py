"""Data on disk in the layouts that people bring."""

from pathlib import Path

import pytest
from PIL import Image

from imaml.tasks import glyphs


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn characters in the official layout of Omniglot: 24 of them, 6 hands each."""
    root = tmp_path_factory.mktemp("data") / "images_background"
    for character, hands in enumerate(glyphs.render(24, 6, seed=5)):
        folder = root / f"Alphabet{character % 3}" / f"character{character:02d}"
        folder.mkdir(parents=True)
        for hand, drawing in enumerate(hands):
            Image.fromarray(drawing).save(folder / f"{character:04d}_{hand:02d}.png")
    return root.parent
