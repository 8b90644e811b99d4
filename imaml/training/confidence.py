"""How far confidences are the shares of right answers, and the temperature that brings them there."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Labels = NDArray[np.int64]

BINS = 15
_TEMPERATURES = np.geomspace(0.05, 50, 241)  # steps of 3 %: finer is below the noise of any validation set


def calibration_error(probabilities: Numbers, labels: Labels) -> float:
    """The expected calibration error of answers [n, ways] to queries [n] (Guo et al. 2017), over 15 bins.

    The mean gap between confidence and share of right answers, bin by bin, weighted by the answers in each.
    """
    confidences = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, right - confidences, BINS)
    return float(np.abs(gaps).sum() / len(labels))


def fit_temperature(logits: Numbers, labels: Labels) -> float:
    """The temperature at which logits [n, ways] give the labels [n] the highest likelihood."""
    losses = [_negative_log_likelihood(logits / temperature, labels) for temperature in _TEMPERATURES]
    return float(_TEMPERATURES[np.argmin(losses)])


def softmax(logits: Numbers) -> Numbers:
    """Probabilities [n, ways]."""
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


def _negative_log_likelihood(logits: Numbers, labels: Labels) -> float:
    shifted = logits - logits.max(1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]))
