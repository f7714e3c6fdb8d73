"""Where a user stands, as plain rows."""

import pytest

from ratelimits import limiter
from ratelimits.decisions import Mode
from ratelimits.naming import NotASubject, named_subject
from ratelimits.policies import POLICIES
from ratelimits.selectors import held_subjects, standings_of_user
from ratelimits.subjects import account_subject, ip_subject, user_subject
from ratelimits.tests.staff_pages import be_refused

ALICE = "0199aaaa-0000-7000-8000-000000000001"


def test_a_users_rows_say_all_that_a_page_needs() -> None:
    be_refused(user_subject(ALICE), 10, "upload")
    limiter.decide(POLICIES["auth"], [account_subject("alice@example.com")])

    rows = standings_of_user(ALICE, email="alice@example.com")

    told = [(row.policy.name, row.mode, row.used, row.limit, row.refusals, row.blocks) for row in rows]
    assert told == [
        ("auth", Mode.NORMAL, 1, 5, 0, 0),
        ("api", Mode.BLOCKED, 0, 100, 0, 1),
        ("upload", Mode.BLOCKED, 10, 5, 10, 1),
    ]
    assert [row.until is not None for row in rows] == [False, True, True]


def test_the_page_of_who_is_held_has_each_once_and_the_hardest_first() -> None:
    alice = user_subject(ALICE)
    be_refused(alice, 10, "api")
    be_refused(alice, 10, "upload")

    (held,) = [row for row in held_subjects(100) if row.standings[0].subject == str(alice)]

    assert held.mode is Mode.BLOCKED
    assert {row.policy.name for row in held.standings} == {"api", "upload"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" 203.0.113.7 ", "ip:203.0.113.7"),
        ("ip:203.0.113.7", "ip:203.0.113.7"),
        ("203.0.113.7/32", "ip:203.0.113.7"),
        ("2001:db8:7:1::5", "ip:2001:db8:7:1::/64"),
        ("[2001:db8:7:1::5]", "ip:2001:db8:7:1::/64"),
        ("2001:db8:7:1::/64", "ip:2001:db8:7:1::/64"),
        ("ip:2001:db8:7::/56", "ip:2001:db8:7::/56"),
        ("2001:db8:7::/48", "ip:2001:db8:7::/48"),
        ("::ffff:203.0.113.7", "ip:203.0.113.7"),
        (ALICE.upper(), f"user:{ALICE}"),
        (f"user:{ALICE}", f"user:{ALICE}"),
        ("account:" + "0a" * 16, "account:" + "0a" * 16),
    ],
)
def test_a_name_is_read_as_the_limiter_writes_it(text: str, name: str) -> None:
    assert str(named_subject(text)) == name


def test_a_network_is_counted_with_the_wider_ones_as_an_address_in_it_is() -> None:
    assert named_subject("ip:2001:db8:7:1::/64") == ip_subject("2001:db8:7:1::5")


@pytest.mark.parametrize(
    "text", ["", "hello", "10.0.0.0/8", "2001:db8::/32", "user:", "ip:", "account:xyz", "1.2.3.4/x", "device:1"]
)
def test_what_names_nobody_is_refused(text: str) -> None:
    with pytest.raises(NotASubject):
        named_subject(text)
