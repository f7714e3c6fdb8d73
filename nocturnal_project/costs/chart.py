"""Draws what a load costs: pods that follow it, beside pods that are always there."""

import logging
from importlib.util import find_spec
from pathlib import Path

from nocturnal_project.costs.estimate import estimate, pods_for
from nocturnal_project.costs.prices import Prices

_FIXED, _PODS, _ALWAYS = "#a5b4fc", "#4f46e5", "#b91c1c"
_INK, _PALE = "#1e1b4b", "#e5e7eb"
_STEPS = 200


def can_draw() -> bool:
    """Tell whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw(prices: Prices, target: Path, *, storage_tb: float, spot: bool, reserved: bool) -> None:
    """Write the chart as a PNG.

    Raises:
        OSError: it cannot be written there.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    logging.getLogger("matplotlib").setLevel(logging.WARNING)  # it tells of its caches
    most = prices.pods_max * prices.requests_per_second_per_pod
    loads = [most * step / _STEPS for step in range(_STEPS + 1)]
    bills = [
        estimate(prices, pods=pods_for(prices, load), storage_tb=storage_tb, spot=spot, reserved=reserved)
        for load in loads
    ]
    always = estimate(prices, pods=prices.pods_max, storage_tb=storage_tb, spot=spot, reserved=reserved)
    figure = Figure(figsize=(8.4, 4.8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    fixed, totals = [bill.fixed for bill in bills], [bill.total for bill in bills]
    axis.fill_between(loads, fixed, color=_FIXED, label="fixed", linewidth=0)
    axis.fill_between(loads, fixed, totals, color=_PODS, label="pods that follow the load", linewidth=0)
    axis.axhline(always.total, color=_ALWAYS, linestyle="--", label=f"{prices.pods_max} pods at all hours")
    axis.set_xlabel(
        f"requests a second, at {prices.requests_per_second_per_pod:,.0f} a pod and "
        f"{prices.pods_min} to {prices.pods_max} pods",
        color=_INK,
    )
    axis.set_ylabel(f"{prices.currency} a month", color=_INK)
    axis.set_title(f"What a load costs ({prices.name}, {prices.date})", loc="left", color=_INK, fontsize=11)
    axis.set_xlim(0, most)
    axis.set_ylim(bottom=0)
    axis.grid(axis="y", color=_PALE)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(target, format="png")
