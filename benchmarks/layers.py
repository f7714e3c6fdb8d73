"""The µs of CPU of each layer of a signed-in GET, in this process and without a server.

``python -m benchmarks.layers`` with the product's variables; benchmarks/hot_path.py calls it with a real Redis.
"""

import io
import os
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROUNDS, _CALLS = 7, 1000


def cpu_us(act: Callable[[], Any]) -> float:
    """Return the CPU time of one call, in the best of some rounds."""
    for _ in range(100):
        act()
    best = float("inf")
    for _ in range(_ROUNDS):
        before = time.process_time()
        for _ in range(_CALLS):
            act()
        best = min(best, (time.process_time() - before) / _CALLS * 1e6)
    return best


def main() -> None:
    """Print a table."""
    shown, sys.stderr = sys.stdout, Path(os.devnull).open("w")  # noqa: SIM115  it ends with the process; the log lines are written, and not read
    from django.contrib.auth.hashers import make_password
    from django.core.handlers.wsgi import WSGIRequest
    from django.core.signals import request_finished, request_started
    from django.urls import resolve

    from accounts import sessions, snapshots, tokens
    from accounts.models import User
    from nocturnal_project import clock
    from nocturnal_project.wsgi import application
    from ratelimits import limiter
    from ratelimits.policies import POLICIES
    from ratelimits.subjects import user_subject

    name = f"{uuid.uuid4()}@example.com"
    user = User(email=name, password=make_password("correct horse battery staple"))
    user.save(force_insert=True)
    session = sessions.start_session(user=user, device=sessions.Device(None, "layers"), now=clock.now())
    snapshots.keep(session, user)
    token = tokens.access_token(user_id=user.pk, session_id=session.pk, issued=clock.now())

    def environment(path: str) -> dict[str, Any]:
        return {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "5000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1:5000",
            "HTTP_AUTHORIZATION": f"Bearer {token}",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
        }

    def ask(path: str) -> None:
        statuses: list[str] = []
        answer = application(environment(path), lambda *sent: statuses.append(sent[0]))  # type: ignore[arg-type]  # what a server would pass
        b"".join(answer)
        answer.close()  # type: ignore[attr-defined]  # Django's answers have it
        assert statuses == ["200 OK"], statuses

    policy, subjects, key = POLICIES["api"], [user_subject(user.pk)], snapshots.name_of(session.pk)
    text = snapshots.live(session.pk)
    assert text, "this needs REDIS_URL"

    def signals() -> None:
        request_started.send(sender=object, environ={})
        request_finished.send(sender=object)

    parts: dict[str, Callable[[], Any]] = {
        "GET /api/v1/me, all of it": lambda: ask("/api/v1/me"),
        "  the decision: one script in Redis": lambda: limiter.decide(policy, subjects, session=key),
        "  reading the snapshot": lambda: snapshots.read(text),
        "  verifying the token": lambda: tokens.read_access_token(token),
        "  Django's request": lambda: WSGIRequest(environment("/api/v1/me")),
        "  Django's signals, start and finish": signals,
        "  resolving the path": lambda: resolve("/api/v1/me"),
        "GET /api/health/live: no token, no limit, no log line": lambda: ask("/api/health/live"),
    }
    print(f"\n{'µs of CPU, in one process':<58}", file=shown)
    for label, act in parts.items():
        print(f"{label:<56} {cpu_us(act):>7.1f}", file=shown)


if __name__ == "__main__":
    main()
