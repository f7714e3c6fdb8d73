"""What the commands print: steps while they go on, and tables."""

import sys
import time
from typing import Any, TextIO

from deploy.local_cluster.control import Event

_COLUMNS = ("pod", "port", "pid", "state", "live", "ready", "instance", "version", "uptime")


class Progress:
    """Steps as they begin and end: lines that change on a terminal, plain lines in a file or a pipe."""

    def __init__(self, output: TextIO = sys.stdout) -> None:
        self._output = output
        self._live = output.isatty()
        self._running: dict[str, float] = {}

    def show(self, event: Event) -> None:
        """Print one event."""
        step, state = event["step"], event["state"]
        if state == "starting":
            self._running[step] = time.monotonic()
            self._redraw()
            return
        self._running.pop(step, None)
        seconds = f"{event['seconds']:6.1f} s" if "seconds" in event else " " * 8
        self._print(f"  {seconds}  {step:<14} {event.get('note', state)}")
        self._redraw()

    def end(self) -> None:
        """Leave the line of what is waited for, because something else will be printed."""
        self._running.clear()
        self._redraw()

    def _print(self, line: str) -> None:
        print(f"\r\x1b[K{line}" if self._live else line, file=self._output, flush=True)

    def _redraw(self) -> None:
        """On a terminal, the last line says what is waited for."""
        if self._live:
            waiting = f"     …     {', '.join(self._running)}" if self._running else ""
            print(f"\r\x1b[K{waiting}", end="", file=self._output, flush=True)


def table(rows: list[dict[str, Any]]) -> str:
    """Return the pods, one a line."""
    cells = [_COLUMNS, *(tuple(_cell(row, column) for column in _COLUMNS) for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(_COLUMNS))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)
    return "\n".join(line.rstrip() for line in lines)


def addresses(state: Event) -> str:
    """Return where everything is, who may sign in, and how it ends."""
    staff, s3 = state["staff"], state["s3"]
    lines = [
        ("The API", f"{state['url']}/api/docs/"),
        ("Admin", f"{state['url']}/admin/  {staff['email']} / {staff['password']}"),
        *((name, url) for name, url in state["pods"].items()),
        ("MongoDB", state["mongodb_uri"]),
        ("Redis", state["redis_url"]),
        ("S3", f"{s3['endpoint']}  bucket {s3['bucket']}"),
        ("nginx status", state["nginx_status"]),
        ("Logs", state["logs"]),
        ("Look at it", "make cluster-status"),
        ("Break it", "make cluster-kill POD=2, make cluster-start POD=2, make cluster-roll"),
        ("End it", "make cluster-down"),
    ]
    return "\n".join(f"  {name:<13} {what}" for name, what in lines)


def _cell(row: dict[str, Any], column: str) -> str:
    if column == "uptime":
        seconds = row.get("uptime_seconds")
        return "-" if seconds is None else f"{int(seconds)} s"
    value = row.get(column)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
