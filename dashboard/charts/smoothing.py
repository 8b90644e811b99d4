"""Curves made smooth, so that a trend is seen through the noise."""

from collections.abc import Sequence

from imaml.client import MetricPoint


def smoothed(points: Sequence[MetricPoint], weight: float) -> list[MetricPoint]:
    """Return the exponential moving average of a curve; `weight` (0 to below 1) is that of what was before.

    The average is corrected for its start, as Adam's is (Kingma & Ba 2015, section 3): it begins where
    the curve does. A value that was not finite stays a gap and moves nothing.
    """
    if not weight:
        return [*points]
    average, seen = 0.0, 0
    smooth: list[MetricPoint] = []
    for point in points:
        if point.value is not None:
            average = weight * average + (1 - weight) * point.value
            seen += 1
            point = point.model_copy(update={"value": average / (1 - weight**seen)})
        smooth.append(point)
    return smooth
