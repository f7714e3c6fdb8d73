"""The list of events, and how long they are kept."""

import io
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from nocturnal_project.identifiers import first_uuid7
from ratelimits import retention
from ratelimits.models import LimitEvent
from ratelimits.subjects import account_subject
from ratelimits.tests.staff_pages import EVENTS, staff_with, text_of

pytestmark = pytest.mark.django_db


def event(subject: str, *, kind: str = "strict", days_ago: float = 0, **fields: Any) -> LimitEvent:
    moment = datetime.now(UTC) - timedelta(days=days_ago)
    key = uuid.UUID(int=first_uuid7(moment).int + uuid.uuid4().int % 2**60)
    return LimitEvent.objects.create(pk=key, kind=kind, subject=subject, created_at=moment, **fields)


def shown(answer: Any) -> list[str]:
    return [row.subject for row in answer.context["cl"].result_list]


def test_the_newest_is_first_and_users_are_shown_by_e_mail(staff: Client, alice: Any) -> None:
    event("ip:203.0.113.7", days_ago=2, seconds=3600)
    event(f"user:{alice.pk}", days_ago=1)

    answer = staff.get(EVENTS)

    assert shown(answer) == [f"user:{alice.pk}", "ip:203.0.113.7"]
    page = text_of(answer)
    assert ">alice@example.com</a>" in page
    assert "/admin/rate-limits/?q=ip%3A203.0.113.7" in page
    assert "1 hour" in page.replace("\xa0", " ")


def test_events_are_found_by_whom_they_are_about(staff: Client, alice: Any, bob: Any) -> None:
    subjects = ["ip:203.0.113.7", "ip:203.0.113.70", "ip:198.51.100.1", "ip:2001:db8:7::/56", f"user:{bob.pk}"]
    subjects += [f"user:{alice.pk}", str(account_subject(alice.email))]
    for subject in subjects:
        event(subject)

    def found(question: str) -> set[str]:
        return set(shown(staff.get(EVENTS, {"q": question})))

    assert found("203.0.113.7") == {"ip:203.0.113.7"}
    assert found("203.0.113.") == {"ip:203.0.113.7", "ip:203.0.113.70"}
    assert found("ip:203.0.113.7") == {"ip:203.0.113.7"}
    assert found("2001:db8:7:1::9") == {"ip:2001:db8:7::/56"}
    assert found("2001:db8") == {"ip:2001:db8:7::/56"}
    assert found("ALICE@") == {f"user:{alice.pk}"}
    assert found("alice@example.com") == {f"user:{alice.pk}", str(account_subject(alice.email))}
    assert found(str(bob.pk)) == {f"user:{bob.pk}"}
    assert found("%") == set()


def test_of_very_many_events_of_one_the_newest_are_found(staff: Client) -> None:
    for number in range(53):
        event("ip:203.0.113.7", days_ago=number, times=number)

    answer = staff.get(EVENTS, {"q": "203.0.113.7"})

    assert [row.times for row in answer.context["cl"].result_list] == list(range(50))
    assert "There are more than 50; the newest 50 are shown." in text_of(answer)


def test_events_are_narrowed_by_kind_and_time(staff: Client) -> None:
    event("ip:203.0.113.7", kind="blocked", days_ago=3)
    event("ip:203.0.113.8", kind="lifted")
    event("ip:203.0.113.9", kind="blocked", days_ago=400)

    assert shown(staff.get(f"{EVENTS}?kind__exact=blocked&created=week")) == ["ip:203.0.113.7"]
    assert shown(staff.get(f"{EVENTS}?kind__exact=lifted")) == ["ip:203.0.113.8"]


def test_events_can_only_be_read(staff: Client) -> None:
    row = event("ip:203.0.113.7")

    page = text_of(staff.get(f"{EVENTS}{row.pk}/change/"))

    assert "203.0.113.7" in page
    assert 'name="_save"' not in page
    assert staff.get(f"{EVENTS}add/").status_code == 403
    assert staff.post(f"{EVENTS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert staff.post(f"{EVENTS}{row.pk}/change/", {"subject": "x"}).status_code == 403
    assert LimitEvent.objects.get().subject == "ip:203.0.113.7"


def test_staff_without_permission_see_no_events() -> None:
    browser = staff_with("change_limitoverride")

    assert browser.get(EVENTS).status_code == 403
    assert f'href="{EVENTS}"' not in browser.get("/admin/").content.decode()


def test_staff_with_permission_see_events() -> None:
    assert staff_with("view_limitevent").get(EVENTS).status_code == 200


class TestRetention:
    def run(self, *arguments: str) -> str:
        out = io.StringIO()
        call_command("prune_limit_events", *arguments, stdout=out)
        return out.getvalue()

    def test_events_go_after_ninety_days_in_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(retention, "PRUNED_AT_ONCE", 2)
        kept = {event("ip:203.0.113.7", days_ago=days).pk for days in (0, 89.9)}
        for days in (90.1, 91, 100, 400, 3000):
            event("ip:203.0.113.7", days_ago=days)

        batches = list(retention.prune_events(now=datetime.now(UTC), days=90))

        assert batches == [2, 2, 1]
        assert {row.pk for row in LimitEvent.objects.all()} == kept

    def test_the_command_removes_them_and_can_be_repeated(self) -> None:
        event("ip:203.0.113.7", days_ago=91)

        assert self.run() == "Removed 1 limit event(s) older than 90 day(s).\n"
        assert self.run() == "Removed 0 limit event(s) older than 90 day(s).\n"

    def test_a_dry_run_removes_nothing(self) -> None:
        event("ip:203.0.113.7", days_ago=8)

        assert self.run("--dry-run", "--days", "7") == "Would remove 1 limit event(s) older than 7 day(s).\n"
        assert LimitEvent.objects.count() == 1

    @pytest.mark.parametrize("days", ["0", "-3", "99999999999"])
    def test_a_senseless_number_of_days_is_refused(self, days: str) -> None:
        with pytest.raises(CommandError, match="from 1 to 36500"):
            self.run(f"--days={days}")
