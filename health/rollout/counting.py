"""What was carried out, and how often: rows by their names, requests by their ids in the instances' logs."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from health.rollout.load import Sent


@dataclass(frozen=True, slots=True)
class Count:
    """How often things were carried out that were sent once.

    ``lost`` were answered as done and are not there. ``unanswered`` failed for the client and are there all the same:
    nobody can rule that out, but a client that then tries again makes a second one. ``rows`` and ``ids`` are None where
    they could not be counted.
    """

    rows: int | None
    ids: int | None
    doubled: list[str]
    lost: list[str]
    unanswered: list[str]


def count(sent: Iterable[Sent], *, rows: Counter[int] | None, ids: Counter[str] | None) -> Count:
    """Compare what was sent with the rows, and with what the logs say where there are logs."""
    sent = list(sent)
    made, logged = rows or Counter(), ids or Counter()
    writes = [each for each in sent if each.write and rows is not None]
    times = {each.request_id: made[each.number] if each.write else 0 for each in sent}
    return Count(
        rows=None if rows is None else sum(made.values()),
        ids=None if ids is None else sum(logged[each.request_id] for each in sent),
        doubled=[name for name, number in times.items() if max(number, logged[name]) > 1],
        lost=[each.request_id for each in writes if not each.fault and not each.limited and not made[each.number]],
        unanswered=[each.request_id for each in writes if each.fault and made[each.number]],
    )


def ids_in(logs: Iterable[Path], *, run: str) -> Counter[str]:
    """Return how often each request of the run stands in the logs; lines that are no JSON are passed by."""
    found: Counter[str] = Counter()
    for path in set(logs):
        with path.open(encoding="utf-8", errors="replace") as lines:
            found.update(filter(None, (_id_in(line) for line in lines if run in line)))
    return found


def _id_in(line: str) -> str | None:
    try:
        facts = json.loads(line)
    except ValueError:
        return None
    answered = isinstance(facts, dict) and facts.get("event") == "request"
    return str(facts.get("request_id")) if answered else None
