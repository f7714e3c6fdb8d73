"""Numbers as people read them."""

_SECOND_MS = 1000
_SMALL = 10


def number(value: float | None) -> str:
    """Return a number or a rate: whole, but for the small ones that are not."""
    if value is None:
        return "-"
    return f"{value:.1f}" if 0 < value < _SMALL and value != int(value) else f"{value:,.0f}"


def milliseconds(value: float | None) -> str:
    """Return a duration in the unit that fits."""
    if value is None:
        return "-"
    return f"{value / _SECOND_MS:,.1f} s" if value >= _SECOND_MS else f"{number(value)} ms"


def percent(value: float | None) -> str:
    """Return a share; a small one with two digits, because a hundredth of a percent is a person in ten thousand."""
    if value is None:
        return "-"
    return f"{value:.2f} %" if 0 < value < 1 else f"{value:.0f} %"
