"""Draws a simulation: what each policy let through and refused over time, present beside candidate limits."""

import logging
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ratelimits.explanations import duration
from ratelimits.simulation.replay import Tally
from ratelimits.simulation.run import Simulation

# Told apart also by who does not see colours: one is light, the other dark.
_ALLOWED, _REFUSED = "#a5b4fc", "#b91c1c"
_INK, _GREY, _PALE = "#1e1b4b", "#6b7280", "#e5e7eb"
_BARS = 160


def can_draw() -> bool:
    """Tell whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw(found: Simulation, target: Path, *, title: str) -> None:
    """Write the chart as a PNG.

    Raises:
        OSError: it cannot be written there.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    logging.getLogger("matplotlib").setLevel(logging.WARNING)  # it tells of its caches

    replays = [("present", found.present)] + ([("candidate", found.candidate)] if found.candidate else [])
    names = [name for name, tally in found.present.tallies.items() if tally.requests] or ["api"]
    figure = Figure(figsize=(7.2 * len(replays), 1.4 + 2.7 * len(names)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(names), len(replays), squeeze=False, sharex=True, sharey="row")
    for row, name in enumerate(names):
        for column, (which, replay) in enumerate(replays):
            _panel(axes[row][column], replay.tallies[name], which, first_ms=found.first_ms, last_ms=found.last_ms)
        axes[row][0].set_ylabel("requests a bar", color=_INK)
    for axis in axes[-1]:
        axis.set_xlabel("time (UTC)", color=_INK)
    figure.suptitle(title, color=_INK, fontsize=13, fontweight="bold")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(target, format="png")


def _panel(axis: Any, tally: Tally, which: str, *, first_ms: int, last_ms: int) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import MaxNLocator

    width_ms, allowed, refused = _bars(tally, first_ms, last_ms)
    starts = [datetime.fromtimestamp((first_ms + number * width_ms) / 1000, UTC) for number in range(len(allowed))]
    days = width_ms / 86_400_000
    style = {"width": days, "align": "edge", "linewidth": 0}
    axis.bar(starts, allowed, color=_ALLOWED, label="allowed", **style)
    axis.bar(starts, refused, bottom=allowed, color=_REFUSED, label="refused", **style)
    policy, touched, clients = tally.policy, tally.touched, len(tally.clients)
    limits = f"{policy.normal} (strict {policy.strict}) in {duration(policy.window)}"
    axis.set_title(
        f"{policy.name}, {which}: {limits}\n"
        f"{tally.refused:,} of {tally.requests:,} requests and {touched:,} of {clients:,} clients refused",
        loc="left", fontsize=10, color=_INK,
    )  # fmt: skip
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]  # untyped library
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # the same
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_ylim(bottom=0)
    axis.grid(axis="y", color=_PALE)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    bar = f"a bar: {duration(max(1, width_ms // 1000))}"
    axis.text(1, 1.02, bar, transform=axis.transAxes, ha="right", fontsize=8, color=_GREY)


def _bars(tally: Tally, first_ms: int, last_ms: int) -> tuple[int, list[int], list[int]]:
    """Return the width of a bar and the heights; bars begin at the first request, so that all panels agree."""
    slot_ms = tally.timeline.slot_ms
    width_ms = max(slot_ms, -(-(last_ms - first_ms + 1) // _BARS // slot_ms) * slot_ms)
    number = (last_ms - first_ms) // width_ms + 1
    allowed, refused = [0] * number, [0] * number
    for slot, (passed, failed) in tally.timeline.slots.items():
        bar = min(number - 1, max(0, (slot * slot_ms - first_ms) // width_ms))
        allowed[bar] += passed
        refused[bar] += failed
    return width_ms, allowed, refused
