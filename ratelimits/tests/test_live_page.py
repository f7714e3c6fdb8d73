"""The limits page: who is held, what was decided, and where one subject stands."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from ratelimits import limiter, tally
from ratelimits.admin.chart import charts
from ratelimits.decisions import Mode
from ratelimits.policies import HOUR, POLICIES
from ratelimits.subjects import account_subject, ip_subject, user_subject
from ratelimits.tests.staff_pages import LIVE, be_refused, decided, sam, staff_with, text_of

pytestmark = pytest.mark.django_db
HOME = ip_subject("203.0.113.7")


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-01-02T03:04:00Z", tick=False) as traveller:
        yield traveller


def held_part(page: str) -> str:
    return page.partition("Held now <span")[2].partition("Decisions in the last hour")[0]


def test_a_blocked_address_is_shown_with_its_policy_its_refusals_and_its_end(staff: Client) -> None:
    be_refused(HOME, 10)

    held = held_part(text_of(staff.get(LIVE)))

    assert "203.0.113.7" in held
    assert re.search(r"auth</span> <span[^>]*> Blocked", held)
    assert "10 refusals in the last hour; its first block." in held
    assert "for 1 h more" in held
    assert '<time datetime="2026-01-02T04:04:00+00:00">2 Jan, 04:04 UTC</time>' in held


def test_who_was_blocked_before_is_said_so(staff: Client, clock: time_machine.Traveller) -> None:
    be_refused(HOME, 10)
    clock.shift(HOUR + 1)
    be_refused(HOME, 10)
    staff.force_login(sam())  # an hour without a page has ended the session

    held = held_part(text_of(staff.get(LIVE)))

    assert "10 refusals in the last hour; blocked 1 time before." in held
    assert "for 2 h more" in held


def test_the_strict_limit_ends_an_hour_after_the_refusal_that_keeps_it(
    staff: Client, clock: time_machine.Traveller
) -> None:
    for times in (1, 2, 1):
        clock.shift(600)
        be_refused(HOME, times)

    held = held_part(text_of(staff.get(LIVE)))

    # The third youngest of the four happened ten minutes ago; when it is forgotten, two are left.
    assert "4 refusals in the last hour." in held
    assert "for 50 min more" in held


def test_who_has_behaved_for_an_hour_is_not_held_any_more(staff: Client, clock: time_machine.Traveller) -> None:
    be_refused(HOME, 3)
    clock.shift(HOUR + 1)
    staff.force_login(sam())  # an hour without a page has ended the session

    assert "Nobody is held to the strict limit or blocked." in text_of(staff.get(LIVE))


def test_users_are_shown_by_e_mail_with_one_query_for_all(
    staff: Client, make_user: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    people = [make_user(name) for name in ("Alice", "Bob", "Carol")]
    queries = 2  # who asks, and the e-mails; the rest is no database's
    for held, person in enumerate(people, start=1):
        be_refused(user_subject(person.pk), 5, "upload")
        with django_assert_num_queries(queries):
            page = held_part(text_of(staff.get(f"{LIVE}live/")))
        assert page.count("@example.com</a>") == held
    assert "alice@example.com" in page


def test_a_widened_network_is_shown_as_one_and_its_parts_with_it(staff: Client) -> None:
    for number in (1, 2, 3):
        be_refused(ip_subject(f"2001:db8:7:{number}::5"), 3)

    answer = text_of(staff.get(f"{LIVE}?q=2001:db8:7:9::1"))

    assert "2001:db8:7:9::/64" in answer
    assert "Counted with its networks 2001:db8:7::/56 and 2001:db8:7::/48" in answer
    assert "counted with 2001:db8:7::/56" in answer


def test_a_look_up_says_where_a_user_stands_who_is_not_held(staff: Client, alice: Any) -> None:
    limiter.decide(POLICIES["api"], [user_subject(alice.pk)])
    be_refused(account_subject(alice.email), 1)

    by_email = text_of(staff.get(f"{LIVE}?q=ALICE@example.com"))
    by_id = text_of(staff.get(f"{LIVE}?q={alice.pk}"))

    for page in (by_email, by_id):
        assert "1 of 100 used in 10 min" in page
        assert "5 of 5 used in 15 min" in page
        assert "0 of 10 used in 1 h" in page
        assert "Forget sign-in tries" in page


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        ("nobody@example.com", "No account has this e-mail."),
        ("hello", "Write an IP address, a user&#x27;s e-mail, or a user&#x27;s id."),
        ("10.0.0.0/8", "IPv4 is counted by single addresses"),
        ("user:<script>", "A user&#x27;s id is a UUID."),
        ("x" * 5000, "Write an IP address"),
    ],
)
def test_a_look_up_of_nobody_says_what_to_write(staff: Client, question: str, complaint: str) -> None:
    page = text_of(staff.get(LIVE, {"q": question}))

    assert complaint in page
    assert "<script>:" not in page


def test_the_part_that_is_read_again_is_the_same_as_in_the_page(staff: Client) -> None:
    be_refused(HOME, 10)

    page, part = text_of(staff.get(f"{LIVE}?q=203.0.113.7")), text_of(staff.get(f"{LIVE}live/?q=203.0.113.7"))

    assert part
    assert part in page
    assert 'data-live="/admin/rate-limits/live/?q=203.0.113.7"' in page
    assert "<script" not in part


def test_the_chart_stacks_each_minute_by_outcome() -> None:
    minute = 29_455_000
    outcomes = {minute - ago: Counter[tally.Outcome]() for ago in range(60)}
    outcomes[minute].update(
        {
            ("auth", "normal", "allowed"): 30,
            ("auth", "strict", "allowed"): 10,
            ("auth", "blocked", "refused"): 40,
            ("auth", "normal", "shadow_refused"): 20,
            ("api", "normal", "allowed"): 7,
        }
    )

    auth, api, upload = charts(outcomes)

    assert (auth.top, api.top, upload.top) == (100, 10, 5)
    assert auth.totals == {"allowed": 40, "shadow": 20, "refused": 40}
    assert [(block.kind, block.y, block.height) for block in auth.bars[-1].blocks] == [
        ("allowed", 60, 40),
        ("shadow", 40, 20),
        ("refused", 0, 40),
    ]
    assert auth.bars[-1].title.endswith("40 allowed, 20 would have been refused, 40 refused")
    assert len(upload.bars) == 60
    assert not any(bar.blocks for bar in upload.bars)


def test_the_page_draws_what_was_decided(staff: Client) -> None:
    before = tally.last_hour()
    be_refused(HOME, 2)

    page = text_of(staff.get(LIVE))

    allowed, refused = (decided(before, outcome) for outcome in ("allowed", "refused"))
    assert f"Decisions under auth in the last hour: {allowed + 5} allowed" in page
    assert f"{refused + 2} refused" in page
    assert "<svg" in page


class TestPermissions:
    def test_staff_without_permission_see_no_link_and_get_403(self) -> None:
        browser = staff_with("view_user", "view_limitoverride")

        assert browser.get(LIVE).status_code == 403
        assert browser.get(f"{LIVE}live/").status_code == 403
        assert f'href="{LIVE}"' not in browser.get("/admin/").content.decode()

    def test_staff_who_may_see_see_no_buttons_and_may_not_act(self) -> None:
        be_refused(HOME, 10)
        browser = staff_with("view_limitevent", "view_limitoverride")

        page = browser.get(LIVE).content.decode()

        assert "203.0.113.7" in page
        assert f'href="{LIVE}"' in page
        assert "/lift/" not in page
        for action in ("lift", "hold", "reset"):
            asked = {"subject": str(HOME), "mode": "strict", "seconds": "3600"}
            assert browser.get(f"{LIVE}{action}/", asked).status_code == 403
            assert browser.post(f"{LIVE}{action}/", asked).status_code == 403
        standing = limiter.cases([(POLICIES["auth"], HOME)])[0].standing
        assert standing.mode is Mode.BLOCKED

    def test_a_users_page_is_linked_only_for_who_may_open_it(self, alice: Any) -> None:
        be_refused(user_subject(alice.pk), 5, "upload")

        page = staff_with("view_limitevent").get(LIVE).content.decode()

        assert "alice@example.com" in page
        assert f"/admin/accounts/user/{alice.pk}" not in page

    def test_staff_who_may_act_see_the_buttons(self) -> None:
        be_refused(HOME, 10)

        page = staff_with("view_limitevent", "change_limitoverride").get(LIVE).content.decode()

        assert "/admin/rate-limits/lift/?subject=ip%3A203.0.113.7" in page
