import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connections

from accounts import outbox
from accounts.models import OutboxMail
from nocturnal_project import clock

NOW = clock.now()
RESET = OutboxMail.Kind.RESET


def _post(email: str = "alice@example.com") -> OutboxMail:
    outbox.post_mail(kind=RESET, email=email, now=NOW)
    return OutboxMail.objects.latest("id")


@pytest.mark.django_db
class TestClaims:
    def test_a_claimed_mail_is_nobody_elses_until_the_claim_runs_out(self) -> None:
        mail = _post()
        theirs = OutboxMail.objects.get()

        ours = outbox.claim(mail, now=NOW)

        assert ours is not None
        assert outbox.claim(theirs, now=NOW) is None
        assert outbox.due_mails(now=NOW + outbox.CLAIM - timedelta(milliseconds=1)) == []
        (again,) = outbox.due_mails(now=NOW + outbox.CLAIM)
        assert again.attempts == 1

    def test_who_lost_the_claim_meanwhile_removes_and_moves_nothing(self) -> None:
        slow = outbox.claim(_post(), now=NOW)
        later = NOW + outbox.CLAIM
        (seen,) = outbox.due_mails(now=later)
        outbox.claim(seen, now=later)
        assert slow is not None

        outbox.remove(slow)
        outbox.postpone(slow, now=later)

        assert OutboxMail.objects.get().due_at == later + outbox.CLAIM

    def test_the_pauses_grow_and_the_fifth_try_is_the_last(self) -> None:
        mail, now, pauses = _post(), NOW, []
        while True:
            claimed = outbox.claim(mail, now=now)
            assert claimed is not None
            if not outbox.postpone(claimed, now=now):
                break
            mail = OutboxMail.objects.get()
            pauses.append((mail.due_at - now).total_seconds())
            now = mail.due_at

        assert pauses == [30, 120, 600, 1800]
        assert claimed.attempts == 5

    def test_the_longest_waiting_come_first_and_not_all_at_once(self) -> None:
        for number in range(25):
            outbox.post_mail(kind=RESET, email=f"{number}@example.com", now=NOW - timedelta(seconds=number))

        due = outbox.due_mails(now=NOW)

        assert [mail.email for mail in due] == [f"{number}@example.com" for number in range(24, 4, -1)]

    def test_posting_wakes_the_worker_of_this_process(self) -> None:
        outbox.posted.clear()

        _post()

        assert outbox.posted.is_set()


@pytest.mark.django_db(transaction=True)
def test_of_ten_workers_that_see_a_mail_one_has_it() -> None:
    mails = [_post(f"{number}@example.com").pk for number in range(10)]
    start = threading.Barrier(10)
    claims: list[str] = []

    def work() -> None:
        try:
            due = outbox.due_mails(now=NOW)
            start.wait(timeout=30)
            claims.extend(str(mail.pk) for mail in due if outbox.claim(mail, now=NOW))
        except Exception as error:  # noqa: BLE001  every outcome is counted
            claims.append(repr(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert Counter(claims) == {str(key): 1 for key in mails}
