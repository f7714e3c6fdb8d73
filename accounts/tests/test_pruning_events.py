"""Events go when their time is over, in batches, and not before."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command

from accounts import events
from accounts.events import Kind, prune, record
from accounts.models import SecurityEvent

pytestmark = pytest.mark.django_db
THEN = datetime(2026, 1, 2, 12, tzinfo=UTC)


def _prune(*arguments: str) -> str:
    out = StringIO()
    call_command("prune_security_events", *arguments, stdout=out)
    return out.getvalue().strip()


def test_an_event_is_kept_for_ninety_days_and_then_removed() -> None:
    record(Kind.SIGNED_IN, now=THEN)
    with time_machine.travel(THEN + timedelta(days=90), tick=False) as clock:
        clock.shift(timedelta(milliseconds=-1))
        kept = _prune()
        clock.shift(timedelta(milliseconds=1))
        foreseen = _prune("--dry-run")
        left = SecurityEvent.objects.count()
        removed = _prune()
        again = _prune()

    assert [kept, foreseen, removed, again] == [
        "Removed 0 security event(s).",
        "Would remove 1 security event(s).",
        "Removed 1 security event(s).",
        "Removed 0 security event(s).",
    ]
    assert (left, SecurityEvent.objects.count()) == (1, 0)


def test_the_days_are_configured(settings: Any) -> None:
    settings.SECURITY_EVENT_LIFETIME = timedelta(days=7)
    record(Kind.SIGNED_IN, now=THEN)

    assert SecurityEvent.objects.get().expires_at == THEN + timedelta(days=7)


def test_many_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PRUNED_AT_ONCE", 2)
    for _ in range(5):
        record(Kind.SIGNED_IN, now=THEN)
    record(Kind.SIGNED_IN, now=THEN + timedelta(days=1))

    assert list(prune(now=THEN + timedelta(days=90))) == [2, 2, 1]
    assert SecurityEvent.objects.count() == 1
