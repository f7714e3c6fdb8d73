"""What staff do to a subject from the limits page."""

from typing import Any

import pytest
from django.test import Client

from ratelimits import limiter
from ratelimits.decisions import Mode
from ratelimits.models import LimitEvent
from ratelimits.policies import POLICIES
from ratelimits.subjects import account_subject, ip_subject
from ratelimits.tests.staff_pages import LIVE, be_refused, staff_with, text_of

pytestmark = pytest.mark.django_db
HOME = ip_subject("203.0.113.7")
SITE = ip_subject("2001:db8:7:1::5")


@pytest.fixture
def browser() -> Client:
    return staff_with("view_limitevent", "change_limitoverride")


def mode_of(policy: str = "auth") -> Mode:
    standing = limiter.cases([(POLICIES[policy], HOME)])[0].standing
    return standing.mode


def test_letting_go_asks_first_and_names_what_will_happen(browser: Client) -> None:
    be_refused(HOME, 10)

    page = text_of(browser.get(f"{LIVE}lift/", {"subject": str(HOME)}))

    assert "Let go 203.0.113.7?" in page
    assert "10 refusals in the last hour; its first block." in page
    assert "the next block, if there is one, is an hour again" in page
    assert "with your e-mail kim@example.com" in page
    assert mode_of() is Mode.BLOCKED
    assert not LimitEvent.objects.exists()


def test_letting_go_lifts_and_records_who_did_it(browser: Client) -> None:
    be_refused(HOME, 10)

    answer = browser.post(f"{LIVE}lift/", {"subject": str(HOME)}, follow=True)

    assert "203.0.113.7 was let go." in text_of(answer)
    assert mode_of() is Mode.NORMAL
    event = LimitEvent.objects.get()
    assert (event.kind, event.subject, event.actor) == ("lifted", "ip:203.0.113.7", "kim@example.com")


def test_letting_go_of_an_ipv6_network_names_the_wider_ones(browser: Client) -> None:
    page = text_of(browser.get(f"{LIVE}lift/", {"subject": str(SITE)}))

    assert "so for everybody in them: 2001:db8:7::/56 and 2001:db8:7::/48" in page


@pytest.mark.parametrize(("mode", "kind"), [("blocked", "held_blocked"), ("strict", "held_strictly")])
def test_staff_hold_a_subject_for_a_chosen_time(browser: Client, mode: str, kind: str) -> None:
    form = {"subject": str(HOME), "mode": mode, "seconds": "21600"}

    answer = browser.post(f"{LIVE}hold/", form, follow=True)

    page = text_of(answer)
    assert "203.0.113.7 is held." in page
    assert "By staff, under every policy." in page
    assert "for 6 h more" in page
    assert (mode_of("auth"), mode_of("api")) == (Mode(mode), Mode(mode))
    event = LimitEvent.objects.get()
    assert (event.kind, event.seconds, event.actor) == (kind, 21600, "kim@example.com")


@pytest.mark.parametrize("wrong", [{"mode": "normal"}, {"seconds": "1"}, {"seconds": "10000000"}, {"mode": ""}])
def test_a_hold_of_another_kind_or_length_is_not_made(browser: Client, wrong: dict[str, str]) -> None:
    form = {"subject": str(HOME), "mode": "blocked", "seconds": "3600", **wrong}

    assert browser.post(f"{LIVE}hold/", form).status_code == 422
    assert mode_of() is Mode.NORMAL
    assert not LimitEvent.objects.exists()


def test_forgetting_counts_gives_every_try_back(browser: Client) -> None:
    be_refused(HOME, 10)

    browser.post(f"{LIVE}reset/", {"subject": str(HOME)})

    standing = limiter.cases([(POLICIES["auth"], HOME)])[0].standing
    assert (standing.mode, standing.used, standing.blocks) == (Mode.NORMAL, 0, 0)
    assert LimitEvent.objects.get().kind == "reset"


def test_the_tries_at_an_account_can_be_forgotten(browser: Client, alice: Any) -> None:
    account = account_subject(alice.email)
    be_refused(account, 1)

    browser.post(f"{LIVE}reset/", {"subject": str(account)})

    standing = limiter.cases([(POLICIES["auth"], account)])[0].standing
    assert standing.used == 0


def test_ones_own_address_is_pointed_out(browser: Client) -> None:
    mine = text_of(browser.get(f"{LIVE}hold/", {"subject": "ip:127.0.0.1"}))
    another = text_of(browser.get(f"{LIVE}hold/", {"subject": str(HOME)}))

    assert "This is the address that you come from." in mine
    assert "This is the address that you come from." not in another


@pytest.mark.parametrize("subject", ["", "device:1", "ip:nonsense", "user:1", "x" * 9999])
def test_a_subject_that_is_none_is_a_bad_request(browser: Client, subject: str) -> None:
    for action in ("lift", "hold", "reset"):
        assert browser.get(f"{LIVE}{action}/", {"subject": subject}).status_code == 400
        assert browser.post(f"{LIVE}{action}/", {"subject": subject}).status_code == 400


def test_an_action_without_the_forms_token_is_refused(browser: Client) -> None:
    be_refused(HOME, 10)
    forged = Client(enforce_csrf_checks=True)
    forged.cookies = browser.cookies

    assert forged.post(f"{LIVE}lift/", {"subject": str(HOME)}).status_code == 403
    assert mode_of() is Mode.BLOCKED


def test_an_action_is_never_done_by_a_link(browser: Client) -> None:
    assert browser.put(f"{LIVE}lift/").status_code == 405
    assert browser.delete(f"{LIVE}reset/").status_code == 405
