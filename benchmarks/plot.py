"""Line charts as SVG, with logarithmic or with linear axes, readable on light and on dark pages."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 74, 190, 40, 52
COLOURS = ("#3b82f6", "#f97316", "#22a06b", "#d946ef", "#e0524d", "#a07b1a", "#7c8794")
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #333 }
.title { font-size: 15px; font-weight: 600 }
.grid { stroke: #8884; stroke-width: 1 }
.line { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } }
"""

Points = Sequence[tuple[float, float]]


class _Axis(NamedTuple):
    """From the lowest value to the highest, with the values that have a tick."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    logarithmic: bool

    def share(self, value: float) -> float:
        """How far along it a value lies, from 0 to 1."""
        low, high, place = (math.log(v) if self.logarithmic else v for v in (self.low, self.high, value))
        return (place - low) / (high - low)

    @classmethod
    def from_zero(cls, largest: float) -> "_Axis":
        """Linear, with ticks at round numbers."""
        power = 10.0 ** math.floor(math.log10(largest))
        step = power / 5 if largest < 2 * power else power / 2 if largest < 5 * power else power
        ticks = [step * index for index in range(math.ceil(largest / step) + 1)]
        return cls(0.0, ticks[-1], [(tick, f"{tick:,g}") for tick in ticks], logarithmic=False)

    @classmethod
    def of_decades(cls, values: Sequence[float]) -> "_Axis":
        """Logarithmic, with ticks at powers of ten."""
        decades = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)
        low, high = decades[0], max(decades[-1], decades[0] + 1)
        ticks = [(10.0**decade, _power(decade)) for decade in decades[:: math.ceil(len(decades) / 9)]]
        return cls(10.0**low, 10.0**high, ticks, logarithmic=True)

    @classmethod
    def of_values(cls, values: Sequence[float]) -> "_Axis":
        """Logarithmic, with a tick at each."""
        return cls(min(values), max(values), [(value, f"{value:g}") for value in values], logarithmic=True)


def line_chart(
    title: str, x_label: str, y_label: str, series: Mapping[str, Points], linear: bool = False
) -> str:
    """An SVG of lines through positive points.

    Its axes are logarithmic, with ticks at the first line's x and at powers of ten; or linear, from 0 on.
    """
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    across = (
        _Axis.from_zero(max(xs)) if linear else _Axis.of_values([x for x, _ in next(iter(series.values()))])
    )
    up = _Axis.from_zero(max(ys)) if linear else _Axis.of_decades(ys)

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + across.share(x) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up.share(y) * (HEIGHT - TOP - BOTTOM),
        )

    middle = (LEFT + WIDTH - RIGHT) / 2
    parts = [_text(LEFT, 22, title, "title"), _text(middle, HEIGHT - 10, x_label, "", "middle")]
    parts.append(f'<g transform="translate(16 {(HEIGHT - BOTTOM + TOP) / 2}) rotate(-90)">')
    parts += [_text(0, 0, y_label, "", "middle"), "</g>"]
    for value, name in up.ticks:
        _, y = place(across.low, value)
        parts.append(_line([(LEFT, y), (WIDTH - RIGHT, y)], "grid"))
        parts.append(_text(LEFT - 8, y + 4, name, "", "end"))
    for value, name in across.ticks:
        x, bottom = place(value, up.low)
        parts.append(_line([(x, bottom), (x, bottom + 5)], "grid"))
        parts.append(_text(x, bottom + 20, name, "", "middle"))
    for index, (name, points) in enumerate(series.items()):
        # Every other line, the last among them, has gaps, through which one that it covers is seen.
        gaps = ' stroke-dasharray="7 5"' if (len(series) - index) % 2 else ""
        colour = f'stroke="{COLOURS[index % len(COLOURS)]}"{gaps}'
        y = TOP + 12 + 22 * index
        parts.append(_line([place(*point) for point in points], "line", colour))
        parts.append(_line([(WIDTH - RIGHT + 14, y), (WIDTH - RIGHT + 38, y)], "line", colour))
        parts.append(_text(WIDTH - RIGHT + 46, y + 4, name))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(points: Points, kind: str, extra: str = "") -> str:
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{corners}" class="{kind}" {extra}/>'


def _power(decade: int) -> str:
    """A power of ten as one reads it."""
    if -3 <= decade <= 4:
        return f"{10.0**decade:g}"
    return "10" + str(decade).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
