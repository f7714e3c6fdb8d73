"""What a simulation found, as data and as text."""

import textwrap
from collections.abc import Iterator
from typing import Any

from ratelimits.explanations import clock_time, duration
from ratelimits.simulation.replay import MOST_CLIENTS, MOST_IN_A_WINDOW, Replay, Tally
from ratelimits.simulation.run import Simulation
from ratelimits.tables import table

_WIDTH = 110


def as_data(found: Simulation, *, top: int, tolerate: float) -> dict[str, Any]:
    """Return everything that was found."""
    reading = found.reading
    return {
        "read": {
            "lines": reading.lines,
            "requests": reading.requests,
            "malformed": reading.malformed,
            "other": reading.other,
            "not_limited": found.not_limited,
            "nobody_to_charge": found.nobody,
            "reordered": reading.reordered,
            "late": reading.late,
            "cut_short": reading.cut_short,
            "first": clock_time(found.first_ms),
            "last": clock_time(found.last_ms),
        },
        "tolerated_percent": tolerate,
        "present": _limits(found.present, top, tolerate),
        "candidate": _limits(found.candidate, top, tolerate) if found.candidate else None,
        "notes": notes(found),
    }


def notes(found: Simulation) -> list[str]:
    """Say what the logs do not tell, so that nobody takes the numbers for more than they are."""
    said = []
    charged = found.reading.requests - found.not_limited
    if found.without_address:
        share = "None of the requests names" if found.without_address == charged else "Some requests do not name"
        said.append(
            f"{share} an address (the product's own log never does): these count by user, and those of nobody "
            "signed in are left out, tries at sign-in among them. The log of the proxy has addresses."
        )
    if found.without_address < charged:
        said.append(
            "By address, everybody behind one NAT is one client, though the api and upload limits count users; "
            "and tries at sign-in are not counted by account or device, which no log names."
        )
    if any(tally.unfollowed for tally in found.present.tallies.values()):
        said.append(f"More than {MOST_CLIENTS:,} clients: shares and suggestions are of the first that came.")
    if any(tally.most_in_a_window > MOST_IN_A_WINDOW for tally in found.present.tallies.values()):
        said.append(f"Counts in one window stop at {MOST_IN_A_WINDOW:,}.")
    return said


def as_text(found: Simulation, *, top: int, tolerate: float) -> Iterator[str]:
    """Yield the lines of a report for people."""
    data = as_data(found, top=top, tolerate=tolerate)
    read = data["read"]
    yield f"{read['requests']:,} requests from {read['first']} to {read['last']}, in {read['lines']:,} lines"
    yield from _left_out(read)
    present, candidate = data["present"], data["candidate"]
    for name, now in present.items():
        if not now["requests"]:
            continue
        then = candidate[name] if candidate else None
        yield ""
        yield f"{name}: {now['requests']:,} requests of {now['clients']:,} clients"
        head = ("", "present", *(["candidate"] if then else []))
        rows = [(label, _shown(key, now), *([_shown(key, then)] if then else [])) for key, label in _ROWS]
        yield from (f"  {line}" for line in table(head, rows))
        suggestion = (then or now)["smallest_normal"]
        yield f"  The smallest normal limit that refuses at most {tolerate:g} % of these clients: {suggestion:,}"
    yield from _top(candidate or present, "candidate" if candidate else "present")
    for note in data["notes"]:
        yield ""
        yield from textwrap.wrap(f"Note: {note}", _WIDTH)


_ROWS = (
    ("limits", "limits"),
    ("allowed", "allowed"),
    ("allowed_strictly", "  of it under the strict limit"),
    ("refused", "refused"),
    ("refused_strictly", "  of it under the strict limit"),
    ("refused_blocked", "  of it while blocked"),
    ("clients_refused", "clients refused"),
    ("first_refusal", "first refusal"),
    ("most_in_a_window", "most of a client in a window"),
)


def _limits(replay: Replay, top: int, tolerate: float) -> dict[str, Any]:
    return {name: _policy(tally, top, tolerate) for name, tally in replay.tallies.items()}


def _policy(tally: Tally, top: int, tolerate: float) -> dict[str, Any]:
    policy, touched, clients = tally.policy, tally.touched, len(tally.clients)
    worst = sorted(
        ((name, client) for name, client in tally.clients.items() if client.refused),
        key=lambda pair: (-pair[1].refused, pair[0]),
    )[:top]
    return {
        "limits": {
            "window": policy.window,
            "normal": policy.normal,
            "strict": policy.strict,
            "strict_after": policy.strict_after,
            "block_after": policy.block_after,
        },
        "requests": tally.requests,
        "allowed": tally.allowed,
        "allowed_strictly": tally.allowed_strictly,
        "refused": tally.refused,
        "refused_strictly": tally.refused_strictly,
        "refused_blocked": tally.refused_blocked,
        "clients": clients,
        "clients_refused": touched,
        "clients_refused_percent": round(100 * touched / clients, 2) if clients else 0.0,
        "first_refusal": clock_time(tally.first_refusal_ms) if tally.refused else None,
        "most_in_a_window": tally.most_in_a_window,
        "smallest_normal": tally.smallest_normal(tolerate),
        "top": [
            {
                "subject": name,
                "refused": client.refused,
                "first_refusal": clock_time(client.first_refusal_ms),
                "most_in_a_window": client.most,
            }
            for name, client in worst
        ],
    }


def _left_out(read: dict[str, Any]) -> Iterator[str]:
    told = (
        ("malformed", "could not be read"),
        ("other", "are no requests"),
        ("not_limited", "requests are under no limit"),
        ("nobody_to_charge", "requests name nobody to charge"),
        ("reordered", "came out of order and were put in place"),
        ("late", "came too late to be put in place, and count as of the line before"),
    )
    for key, words in told:
        if read[key]:
            yield f"  {read[key]:,} {words}"
    for name in read["cut_short"]:
        yield f"  {name} is damaged or cut short: what could be unpacked is counted"


def _shown(key: str, policy: dict[str, Any]) -> str:
    value = policy[key]
    if key == "limits":
        return f"{value['normal']} (strict {value['strict']}) in {duration(value['window'])}"
    if key == "clients_refused":
        return f"{value:,} ({policy['clients_refused_percent']:g} %)"
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _top(limits: dict[str, Any], which: str) -> Iterator[str]:
    rows = [
        (one["subject"], name, one["refused"], one["first_refusal"], one["most_in_a_window"])
        for name, policy in limits.items()
        for one in policy["top"]
    ]
    if not rows:
        yield ""
        yield f"Nobody is refused under the {which} limits."
        return
    yield ""
    yield f"Most refused under the {which} limits"
    rows.sort(key=lambda row: -row[2])
    yield from (f"  {line}" for line in table(("subject", "policy", "refused", "first", "most in a window"), rows))
