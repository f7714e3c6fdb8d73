import re
import uuid

import pytest

from ratelimits.subjects import (
    Kind,
    account_subject,
    device_subject,
    ip_subject,
    session_subject,
    user_subject,
)


def test_an_ipv6_network_is_one_subject() -> None:
    assert ip_subject("2001:db8:0:1::1") == ip_subject("2001:db8:0:1:ffff::2")
    assert ip_subject("2001:db8:0:1::1") != ip_subject("2001:db8:0:2::1")
    assert str(ip_subject("2001:db8:0:1::1")) == "ip:2001:db8:0:1::/64"


def test_an_ipv4_address_is_one_subject_also_when_it_is_mapped() -> None:
    assert str(ip_subject("203.0.113.7")) == str(ip_subject("::ffff:203.0.113.7")) == "ip:203.0.113.7"


def test_subjects_of_different_kinds_never_share_a_count() -> None:
    same = uuid.uuid4()

    assert len({str(make(same)) for make in (user_subject, session_subject, device_subject)}) == 3


def test_only_addresses_and_users_answer_for_refusals() -> None:
    assert {kind for kind in Kind if kind.escalates} == {Kind.IP, Kind.USER}


def test_one_account_is_one_subject_however_its_e_mail_is_spelt() -> None:
    assert account_subject("Alice@Example.com ") == account_subject("alice@example.com")
    assert account_subject("alice@example.com") != account_subject("bob@example.com")


@pytest.mark.parametrize(
    "email",
    [
        "",
        "a" * 100_000,
        "a\r\nSET x 1\r\n",
        "ip:203.0.113.7",
        "a:b{c}*?[d]",
        "a\x00b",
        "élan@exämple.com",
        "\ud800",
        "user:1}:{",
    ],
    ids=lambda email: repr(email[:16]),
)
def test_a_hostile_e_mail_makes_a_short_plain_name(email: str) -> None:
    assert re.fullmatch(r"account:[0-9a-f]{32}", str(account_subject(email)))
