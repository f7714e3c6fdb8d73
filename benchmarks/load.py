"""Load by wrk, and what it costs the processes that answer."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

SERVER_CORE, CLIENT_CORE = 0, 1
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Round:
    """What one run of wrk showed."""

    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


def require_two_cores_and_wrk() -> None:
    """End with what is missing."""
    if shutil.which("wrk") is None:
        sys.exit('wrk is missing: run "apt-get install wrk"')
    if not {SERVER_CORE, CLIENT_CORE} <= os.sched_getaffinity(0):
        sys.exit("This needs two cores: one for the server, one for who asks.")


def one_round(url: str, *, pid: int, token: str, seconds: int, connections: int) -> Round:
    """Ask for so long; µs is the CPU time of the process ``pid`` and its children for one request."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", f"Authorization: Bearer {token}"]
    before = cpu_seconds(pid)
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(pid) - before
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    return Round(
        per_second=float(_found(r"Requests/sec: +([\d.]+)", said)),
        cpu_us=used / int(_found(r"(\d+) requests in", said)) * 1e6,
        p50_ms=_milliseconds("50%", said),
        p99_ms=_milliseconds("99%", said),
    )


def middle(rounds: Sequence[Round]) -> Round:
    """Return the median of each figure."""
    return Round(*(median(getattr(seen, field) for seen in rounds) for field in Round.__dataclass_fields__))


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process and its children have used."""
    fields = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in processes(pid)]
    return sum(int(of_one[11]) + int(of_one[12]) for of_one in fields) / _TICKS


def processes(pid: int) -> list[int]:
    """Return a process and its children."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def memory_mb(pid: int) -> str:
    """Return what a master and its worker hold; pages that both share are counted half for each (PSS)."""
    sizes = [
        int(_found(r"(?m)^Pss: +(\d+)", Path(f"/proc/{each}/smaps_rollup").read_text())) // 1024
        for each in processes(pid)
    ]
    return " + ".join(map(str, sizes))


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return match[1]


def _milliseconds(percentile: str, text: str) -> float:
    match = re.search(rf"{percentile} +([\d.]+)(us|ms|s)\b", text)
    assert match, text
    return float(match[1]) * _UNITS[match[2]]
