"""Measures what an access token costs: signed, verified, seen again, and refused.

    python -m benchmarks.tokens [--seconds 20]

Everything happens in this process, without a database, as it does on the way of a request once the ring of keys was
read. Each row takes turns with PyJWT's own ``decode`` of the same token, so that whatever else the machine does meets
both alike; ratios are what to compare, microseconds are this machine's. At the end it says how much memory a full
cache of verified tokens takes.

Exit code 0: every expectation holds. 1: one does not.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

ROUND = 200
LEAST_ROUNDS = 5
HEADER = f"{'':42}{'HS256':>9}{'EdDSA':>9}   against PyJWT's decode, HS256 and EdDSA"


@dataclass(frozen=True)
class Row:
    """Something that is done to a token, and the most that it may cost as a part of PyJWT's decode."""

    name: str
    action: Callable[[], Any]
    most: float


def median_us(actions: list[Callable[[], Any]], seconds: float) -> list[float]:
    """Return the median µs of a call of each; they take turns, two hundred calls at a time."""
    rounds: list[list[float]] = [[] for _ in actions]
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(rounds[0]) < LEAST_ROUNDS:
        for action, took in zip(actions, rounds, strict=True):
            started = time.perf_counter()
            for _ in range(ROUND):
                action()
            took.append((time.perf_counter() - started) / ROUND * 1e6)
    return [statistics.median(took) for took in rounds]


def refusal(token: str) -> Callable[[], Any]:
    """Return what a caller of a bad token does."""
    from accounts import tokens
    from accounts.errors import InvalidToken

    def read() -> None:
        with suppress(InvalidToken):
            tokens.read_access_token(token)

    return read


def rows() -> tuple[Callable[[], Any], list[Row]]:
    """Return PyJWT's decode of a token, and what we do to the same one."""
    import jwt
    from django.conf import settings
    from django.utils import timezone

    from accounts import keyring, tokens
    from accounts.key_material import header_segment
    from nocturnal_project.identifiers import uuid7

    who = {"user_id": uuid7(), "session_id": uuid7()}
    token = tokens.access_token(**who, issued=timezone.now())
    ring = keyring.ring()
    backend = ring.signing_key(time.time()).backend
    signed, header = token.rpartition(".")[0], backend.header
    sent = token.encode()  # each request brings a text of its own, which has to be hashed and compared

    def decode() -> Any:
        return jwt.decode(
            token, backend.verifying_key, [settings.JWT_ALGORITHM], audience=tokens.AUDIENCE, issuer=settings.PUBLIC_URL
        )

    return decode, [
        Row("verified, seen before", lambda: tokens.read_access_token(sent.decode()), 0.1),
        Row("verified, the first time", lambda: tokens._verify(token, ring, header, time.time()), 2.0),  # noqa: SLF001  past the cache
        Row("signed", lambda: tokens.access_token(**who, issued=timezone.now()), 2.0),
        Row("refused: another signature", refusal(f"{signed}.{'A' * (len(token) - len(signed) - 1)}"), 2.0),
        Row("refused: a key of nobody", refusal(f"{header_segment('0' * 16, 'EdDSA')}.e30.AAAA"), 1.0),
        Row("refused: alg none", refusal("eyJhbGciOiJub25lIn0.e30.AAAA"), 1.0),
        Row("refused: 64 kB", refusal("a" * 65_536), 1.0),
    ]


def cache_megabytes() -> float:
    """Return what a full cache takes."""
    from django.utils import timezone

    from accounts import keyring, tokens
    from accounts.verified_tokens import _MOST, VerifiedTokens
    from nocturnal_project.identifiers import uuid7

    now, ring, full = timezone.now(), keyring.ring(), VerifiedTokens()
    tracemalloc.start()
    for _ in range(_MOST):
        token = tokens.access_token(user_id=uuid7(), session_id=uuid7(), issued=now)
        full.put(token, ring, tokens.read_access_token(token), 0.0)
    return tracemalloc.get_traced_memory()[0] / 1e6


def main() -> int:
    """Measure and print; tell whether every expectation holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each algorithm is measured")
    wanted = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"], os.environ["DOTENV"] = "nocturnal_project.settings", ""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DATA_DIR"] = folder
        import django

        django.setup()
        from django.conf import settings

        from accounts.tests.pods import pod_without_database

        found: dict[str, list[float]] = {}
        with pod_without_database().serving():
            for algorithm in ("HS256", "EdDSA"):
                settings.JWT_ALGORITHM = algorithm
                decode, table = rows()
                found[algorithm] = median_us([decode, *(row.action for row in table)], wanted.seconds)
            megabytes = cache_megabytes()
    print(HEADER)
    print(f"{'PyJWT decode':42}{found['HS256'][0]:>9.1f}{found['EdDSA'][0]:>9.1f}")
    failed = 0
    for number, row in enumerate(table, start=1):
        ratios = [took[number] / took[0] for took in found.values()]
        holds = max(ratios) <= row.most
        failed += not holds
        micros = "".join(f"{took[number]:>9.1f}" for took in found.values())
        verdict = f"at most {row.most:g}: {'holds' if holds else 'DOES NOT HOLD'}"
        print(f"{row.name:42}{micros}   {ratios[0]:.3f} and {ratios[1]:.3f}, {verdict}")
    print(f"10,000 verified tokens take {megabytes:.1f} MB")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
