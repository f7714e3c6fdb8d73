"""A ring in a process: no query while nothing changes, bounded ones when strangers make names up, and outages."""

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from structlog.testing import capture_logs

from accounts import tokens
from accounts.errors import InvalidToken
from accounts.key_material import header_segment
from accounts.key_rotation import rotate_signing_key
from accounts.keyring import Keyring
from accounts.tests.outage import Outage
from accounts.tests.pods import Pod, Stopwatch
from accounts.verified_tokens import VerifiedTokens
from nocturnal_project.errors import ServiceUnavailable
from nocturnal_project.identifiers import uuid7

pytestmark = pytest.mark.django_db
_KID = "0123456789abcdef"


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def pod(stopwatch: Stopwatch) -> Iterator[Pod]:
    pod = Pod(stopwatch)
    with pod.serving():
        yield pod


def _token() -> str:
    return tokens.access_token(user_id=uuid7(), session_id=uuid7(), issued=timezone.now())


def _made_up() -> str:
    """A token whose header looks as ours do."""
    return f"{header_segment(secrets.token_hex(8), 'EdDSA')}.e30.{'A' * 86}"


def _refuse(token: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.read_access_token(token)


def _readings(queries: CaptureQueriesContext) -> int:
    return sum("accounts_signingkey" in query["sql"] for query in queries.captured_queries)


@pytest.fixture
def queries() -> Iterator[CaptureQueriesContext]:
    with CaptureQueriesContext(connection) as captured:
        yield captured


@pytest.fixture
def outage() -> Iterator[Outage]:
    outage = Outage()
    yield outage
    outage.end()


def test_reading_tokens_asks_the_database_once_in_half_a_minute(
    pod: Pod, stopwatch: Stopwatch, queries: CaptureQueriesContext
) -> None:
    for second in range(61):
        stopwatch.seconds = second
        tokens.read_access_token(_token())

    assert _readings(queries) == 3


def test_a_thread_that_refreshes_leaves_no_reading_to_requests(
    pod: Pod, stopwatch: Stopwatch, queries: CaptureQueriesContext
) -> None:
    for second in range(0, 61, 2):
        stopwatch.seconds = second
        pod.keyring.refresh(timezone.now())
        tokens.read_access_token(_token())

    assert _readings(queries) == 31


def test_a_flood_of_made_up_keys_costs_a_query_a_second(
    pod: Pod, stopwatch: Stopwatch, queries: CaptureQueriesContext
) -> None:
    pod.keyring.refresh(timezone.now())

    for moment in range(500):
        stopwatch.seconds = 1 + moment / 100
        _refuse(_made_up())

    assert _readings(queries) == 1 + 5


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": _KID, "typ": "JWT"}, {"alg": "RS256", "kid": _KID, "typ": "JWT"},
        {"alg": "HS256", "kid": "../../dev/null", "typ": "JWT"}, {"alg": "HS256", "kid": "a" * 65, "typ": "JWT"},
        {"alg": "HS256", "kid": _KID, "typ": "JWT", "jku": "x"}, {"alg": "HS256", "kid": [_KID], "typ": "JWT"},
        {"alg": "HS256", "kid": _KID}, {"kid": _KID}, {}, [], "x", None, 7,
    ],
    ids=str,
)  # fmt: skip
def test_a_header_that_is_not_as_ours_costs_no_query(pod: Pod, queries: CaptureQueriesContext, header: Any) -> None:
    pod.keyring.refresh(timezone.now())
    before = _readings(queries)
    segment = base64.urlsafe_b64encode(json.dumps(header, separators=(",", ":")).encode()).rstrip(b"=").decode()

    _refuse(f"{segment}.e30.{'A' * 43}")

    assert _readings(queries) == before


def test_without_the_database_the_ring_last_seen_stays_in_force(pod: Pod, stopwatch: Stopwatch, outage: Outage) -> None:
    rotate_signing_key(at_once=True, revoke_older=True, now=timezone.now())
    token = _token()
    outage.begin()

    stopwatch.seconds = 3600
    with capture_logs() as logs:
        for _ in range(50):
            assert tokens.read_access_token(token)
            assert tokens.read_access_token(_token())
            pod.keyring.refresh(timezone.now())
            _refuse(_made_up())

    assert [line["event"] for line in logs] == ["signing keys cannot be read"]
    outage.end()
    rotate_signing_key(at_once=True, revoke_older=True, now=timezone.now())
    pod.keyring.refresh(timezone.now())
    _refuse(token)


def test_while_the_database_is_away_requests_try_it_every_five_seconds(
    pod: Pod, stopwatch: Stopwatch, outage: Outage
) -> None:
    tokens.read_access_token(_token())
    outage.begin()

    for second in range(31, 61):
        stopwatch.seconds = second
        tokens.read_access_token(_token())
    asked = outage.tries
    for second in range(61, 71):
        stopwatch.seconds = second
        _refuse(_made_up())

    assert asked == 6
    assert outage.tries <= asked + 4


def test_a_ring_that_was_never_read_vouches_for_nothing(pod: Pod, outage: Outage) -> None:
    outage.begin()

    with pytest.raises(ServiceUnavailable):
        _token()
    with pytest.raises(ServiceUnavailable):
        tokens.read_access_token(_made_up())

    assert outage.tries == 2  # each asks, so that the first request after the outage is answered


def test_an_unchanged_ring_is_the_same_ring_so_that_verified_tokens_are_kept(pod: Pod) -> None:
    pod.keyring.refresh(timezone.now())
    ring = pod.keyring.ring()

    pod.keyring.refresh(timezone.now())
    unchanged = pod.keyring.ring() is ring
    rotate_signing_key(at_once=False, revoke_older=False, now=timezone.now())
    pod.keyring.refresh(timezone.now())

    assert unchanged
    assert pod.keyring.ring() is not ring


def test_a_change_of_the_signing_key_is_a_line_in_the_log_without_its_secret(settings: Any) -> None:
    with capture_logs() as logs:
        rotate_signing_key(at_once=True, revoke_older=False, now=timezone.now())
        ring = Keyring()
        ring.refresh(timezone.now())
        ring.refresh(timezone.now())

    assert [line["event"] for line in logs] == ["signing key rotated", "signing key in use"]
    assert logs[0]["kid"] == logs[1]["kid"]
    assert str(ring.ring().keys[0].backend.signing_key) not in str(logs)
    assert settings.JWT_SECRET not in str(logs)


class TestVerifiedTokens:
    def test_a_token_that_comes_again_is_not_verified_again(self, pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
        token = _token()
        first = tokens.read_access_token(token)
        monkeypatch.setattr(tokens, "_verify", None)

        assert tokens.read_access_token(token) is first

    def test_no_more_are_kept_than_were_wanted_and_the_oldest_go(self, pod: Pod) -> None:
        kept, ring = VerifiedTokens(most=3), pod.keyring.ring()
        claims = tokens.read_access_token(_token())

        for name in "abcde":
            kept.put(name, ring, claims, 1.0)

        assert [name for name in "abcde" if kept.get(name, ring)] == ["c", "d", "e"]

    def test_nothing_that_was_verified_under_another_ring_counts(self, pod: Pod) -> None:
        kept, ring = VerifiedTokens(), pod.keyring.ring()
        claims = tokens.read_access_token(_token())
        kept.put("a", ring, claims, 1.0)
        rotate_signing_key(at_once=True, revoke_older=True, now=timezone.now())
        pod.keyring.refresh(timezone.now())

        assert kept.get("a", pod.keyring.ring()) is None
        kept.put("b", pod.keyring.ring(), claims, 1.0)
        assert len(kept) == 1

    def test_a_refused_token_is_not_kept(self, pod: Pod) -> None:
        good = _token()

        _refuse(good[:-5] + "AAAAA")

        assert len(tokens._verified) == 0

    def test_many_threads_at_once_lose_and_mix_up_nothing(self, pod: Pod) -> None:
        kept, ring = VerifiedTokens(most=100), pod.keyring.ring()
        claims = tokens.read_access_token(_token())
        wrong: list[Any] = []

        def put_and_get(thread: int) -> None:
            for number in range(2000):
                name = f"{thread}/{number}"
                kept.put(name, ring, claims, float(number))
                found = kept.get(name, ring)
                if found is not None and found[1] != number:
                    wrong.append(name)

        threads = [threading.Thread(target=put_and_get, args=(number,)) for number in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

        assert (wrong, len(kept)) == ([], 100)
