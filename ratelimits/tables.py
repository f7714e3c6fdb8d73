"""Tables of plain text, as wide as what is in them."""

from collections.abc import Iterator, Sequence

Rows = Sequence[Sequence[object]]


def table(head: Sequence[str], rows: Rows) -> Iterator[str]:
    """Yield the lines of a table; numbers stand to the right."""
    texts = [list(head), *([f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(head))]
    right = [any(isinstance(row[column], int | float) for row in rows) for column in range(len(head))]
    for row in texts:
        cells = [
            cell.rjust(width) if numeric else cell.ljust(width)
            for cell, width, numeric in zip(row, widths, right, strict=True)
        ]
        yield "  ".join(cells).rstrip()
