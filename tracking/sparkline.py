"""Curves as SVG paths, drawn by the server: they need no script, print, and follow the page's colours."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600, 100  # of the viewBox; the page stretches it


@dataclass(frozen=True)
class Curve:
    """A line through the values from left to right, and the area below it; where there is none is a gap."""

    line: str
    area: str


def top_of(*series: Sequence[float | None]) -> float:
    """The highest value, to which several curves are drawn; 0 where there is none."""
    return max((value for values in series for value in values if value is not None), default=0.0)


def curve(values: Sequence[float | None], top: float) -> Curve:
    """Draw values between 0 and `top`."""
    step = WIDTH / max(1, len(values) - 1)
    line, area = [], []
    for run in _runs(values):
        points = [f"{number * step:.1f} {_height(value, top):.1f}" for number, value in run]
        if len(points) == 1:  # a dot as long as its line is wide
            points.append(f"{run[0][0] * step + 1:.1f} {_height(run[0][1], top):.1f}")
        line.append("M" + "L".join(points))
        first, last = points[0].split()[0], points[-1].split()[0]
        area.append(f"M{first} {HEIGHT}L{'L'.join(points)}L{last} {HEIGHT}Z")
    return Curve("".join(line), "".join(area))


def _height(value: float, top: float) -> float:
    return HEIGHT - 1 - (HEIGHT - 2) * (value / top if top > 0 else 0)  # the line's own width stays visible


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The values with their places, without what is not known; each run is without a gap."""
    runs: list[list[tuple[int, float]]] = [[]]
    for number, value in enumerate(values):
        if value is not None:
            runs[-1].append((number, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
