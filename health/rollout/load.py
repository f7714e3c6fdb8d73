"""POSTs at a steady rate, whatever becomes of those before: a client in the world does not wait for others' answers."""

import http.client
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from health.rollout.deployment import Deployment

_WRITTEN, _REFUSED, _LIMITED = 201, 401, 429
# As many at once as a rate of 200 with a fifth of 2 s needs, several times over; more would stand in line and say so.
_THREADS = 400


@dataclass(frozen=True, slots=True)
class Mix:
    """What is sent.

    A write announces a file: one row, which can be counted. The others try to refresh with a token that is none: one
    decision of the limiter and no database, so that a small deployment can bear many. ``slow`` ones say so in their id
    and pause in the middle of their body; that occupies an instance unless what is in front takes bodies in whole.
    """

    rate: float
    writes: float
    slow: float
    slow_seconds: float

    def is_write(self, number: int) -> bool:
        """Tell whether this one is a write; they are spread evenly."""
        return _falls(number, self.writes)

    def is_slow(self, number: int) -> bool:
        """Tell whether this one is slow; out of step with the writes, so that both kinds are among them."""
        return _falls(number + number // 7, self.slow)


@dataclass(frozen=True, slots=True)
class Sent:
    """One POST and what became of it; ``fault`` is empty where it was answered as it should be."""

    number: int
    request_id: str
    write: bool
    at_s: float
    late_s: float
    seconds: float
    status: int
    fault: str

    @property
    def limited(self) -> bool:
        """Tell whether the limiter refused it."""
        return self.status == _LIMITED


def run(deployment: Deployment, mix: Mix, *, goes_on: Callable[[float], bool]) -> list[Sent]:
    """Send while ``goes_on`` (asked with the seconds since the beginning), and return each when all are answered."""
    done: list[Sent] = []
    lock = threading.Lock()
    began = time.monotonic()

    def one(number: int, due: float) -> None:
        sent = _send(deployment, mix, number, due=due, began=began)
        with lock:
            done.append(sent)

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="rollout") as pool:
        number = 0
        while goes_on(time.monotonic() - began):
            due = began + number / mix.rate
            time.sleep(max(0.0, due - time.monotonic()))
            pool.submit(one, number, due)
            number += 1
    return sorted(done, key=lambda sent: sent.number)


def _send(deployment: Deployment, mix: Mix, number: int, *, due: float, began: float) -> Sent:
    write, slow = mix.is_write(number), mix.is_slow(number)
    request_id = f"rollout-{'slow' if slow else 'fast'}-{deployment.run}-{number}"
    path = "/api/v1/uploads/presign" if write else "/api/v1/auth/refresh"
    body = deployment.announcement(number) if write else {"refresh_token": "of-nobody" * 4}
    started, status, fault = time.monotonic(), 0, ""
    try:
        pause = mix.slow_seconds if slow else 0.0
        status = deployment.send("POST", path, body, request_id=request_id, pause_s=pause).status
    except (OSError, http.client.HTTPException) as error:
        fault = f"no answer: {type(error).__name__}"
    if status not in {0, _LIMITED, _WRITTEN if write else _REFUSED}:
        fault = f"answered {status}"
    ended = time.monotonic()
    return Sent(number, request_id, write, started - began, started - due, ended - started, status, fault)


def _falls(number: int, share: float) -> bool:
    return int((number + 1) * share) > int(number * share)
