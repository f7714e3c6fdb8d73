"""A course as a small picture, drawn by the server: SVG paths in a box of a given width, twenty high."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

HEIGHT = 20.0


class Sparkline(NamedTuple):
    """The line and what is below it. ``top`` is the value at the upper edge, ``title`` says it in words."""

    width: int
    line: str
    area: str
    top: float
    title: str


def sparkline(values: Sequence[float | None], *, top: float, title: str) -> Sparkline:
    """Draw values from the left; None leaves a gap, and a value alone is drawn as a dash."""
    top = top or 1.0
    lines, areas = [], []
    for run in _runs(values):
        points = [(x, round(HEIGHT - min(max(value / top, 0.0), 1.0) * HEIGHT, 1)) for x, value in run]
        if len(points) == 1:
            points.append((points[0][0] + 1, points[0][1]))
        path = "L".join(f"{x} {y:g}" for x, y in points)
        lines.append(f"M{path}")
        areas.append(f"M{points[0][0]} {HEIGHT:g}L{path}L{points[-1][0]} {HEIGHT:g}Z")
    return Sparkline(len(values), "".join(lines), "".join(areas), top, title)


def highest(courses: Sequence[Sequence[float | None]], *, least: float) -> float:
    """Return the scale that fits all of them, so that instances can be compared by eye."""
    return max([least, *(value for course in courses for value in course if value is not None)])


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    run: list[tuple[int, float]] = []
    for x, value in enumerate(values):
        if value is None:
            if run:
                yield run
            run = []
        else:
            run.append((x, value))
    if run:
        yield run
