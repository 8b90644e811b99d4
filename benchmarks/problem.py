"""The work that the benchmarks share: 5-way 1-shot episodes of generated characters."""

import torch

from imaml.tasks import glyphs
from imaml.tasks.episodes import Episodes, EpisodeSampler

WAYS, SHOTS, QUERIES = 5, 1, 5
IN_WORDS = f"{WAYS}-way {SHOTS}-shot, {QUERIES} queries a class"


def sampler(device: torch.device, classes: int = 20) -> EpisodeSampler:
    """Episodes of that many characters, quarter turns included, as the trainer draws them."""
    dataset = glyphs.generate(classes=classes, examples=SHOTS + QUERIES)
    return EpisodeSampler(
        dataset, dataset.class_names, WAYS, SHOTS, QUERIES, seed=0, rotations=True, device=device
    )


def episodes(tasks: int, device: torch.device) -> Episodes:
    """One batch of them."""
    return sampler(device).batch(0, tasks)
