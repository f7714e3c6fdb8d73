"""The limits' numbers, changed by staff."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from ratelimits.models import LimitEvent, LimitOverride
from ratelimits.policies import POLICIES, in_force, put_in_force
from ratelimits.tests.staff_pages import NUMBERS, staff_with, text_of

pytestmark = pytest.mark.django_db
FORM = f"{NUMBERS}auth/change/"
AUTH = POLICIES["auth"]
EMPTY = dict.fromkeys(("window", "normal", "strict", "strict_after", "block_after", "shadow"), "")


@pytest.fixture(autouse=True)
def numbers_of_the_variables() -> Iterator[None]:
    yield
    put_in_force({})


def test_every_policy_is_listed_before_anybody_has_changed_one(staff: Client) -> None:
    page = text_of(staff.get(NUMBERS))

    assert [f"{name}/change/" in page for name in POLICIES] == [True] * 3
    assert "limits-chosen" not in page
    assert "<dt>Window</dt><dd>15 min</dd>" in page


def test_a_change_is_in_force_shown_and_recorded(staff: Client) -> None:
    answer = staff.post(FORM, EMPTY | {"normal": "8", "shadow": "true"}, follow=True)

    page = text_of(answer)
    assert "The limits of auth were changed." in page
    assert '<dt>Normal limit</dt><dd class="limits-chosen">8</dd>' in page
    assert "by sam@example.com" in page
    assert (in_force(AUTH).normal, in_force(AUTH).strict, in_force(AUTH).shadow) == (8, 3, True)
    event = LimitEvent.objects.get()
    assert (event.kind, event.policy, event.actor) == ("changed", "auth", "sam@example.com")
    assert event.facts == "normal None -> 8, shadow None -> True"


def test_numbers_that_contradict_each_other_are_an_error_of_the_form(staff: Client) -> None:
    answer = staff.post(FORM, EMPTY | {"strict": "6"})

    assert answer.status_code == 422
    assert "keep strict (6) at most normal (5)" in text_of(answer)
    assert 'value="6"' in text_of(answer)
    assert not LimitOverride.objects.exists()
    assert not LimitEvent.objects.exists()
    assert in_force(AUTH) == AUTH


@pytest.mark.parametrize(
    "wrong", [{"normal": "0"}, {"normal": "-1"}, {"window": "soon"}, {"normal": "9" * 30}, {"shadow": "perhaps"}]
)
def test_what_is_no_number_is_an_error_of_its_field(staff: Client, wrong: dict[str, str]) -> None:
    answer = staff.post(FORM, EMPTY | wrong)

    assert answer.status_code == 422
    assert 'class="limits-error" role="alert"' in text_of(answer)
    assert not LimitOverride.objects.exists()


def test_all_numbers_are_given_back_to_the_variables(staff: Client) -> None:
    staff.post(FORM, EMPTY | {"normal": "8"})
    assert "Give all back to the variables" in text_of(staff.get(FORM))

    staff.post(FORM, EMPTY | {"normal": "8", "give_back": "yes"})

    assert in_force(AUTH) == AUTH
    assert "Give all back to the variables" not in text_of(staff.get(FORM))
    newest = LimitEvent.objects.first()
    assert newest
    assert newest.facts == "normal 8 -> None"


def test_the_form_says_where_a_number_would_come_from(staff: Client, settings: Any) -> None:
    settings.RATE_LIMIT_OVERRIDES = {"RATE_LIMIT_AUTH_NORMAL": "5"}

    page = text_of(staff.get(FORM))

    assert "set by <code>RATE_LIMIT_AUTH_NORMAL</code>" in page
    assert "the default of <code>RATE_LIMIT_AUTH_STRICT</code>" in page


def test_policies_are_neither_added_nor_deleted_nor_invented(staff: Client) -> None:
    for path in ("add/", "none/change/", "auth/delete/"):
        assert staff.get(NUMBERS + path).status_code == 404
        assert staff.post(NUMBERS + path, EMPTY).status_code == 404
    assert not LimitOverride.objects.exists()


class TestPermissions:
    def test_staff_without_permission_see_nothing(self) -> None:
        browser = staff_with("view_limitevent")

        assert [browser.get(path).status_code for path in (NUMBERS, FORM)] == [403, 403]
        assert browser.post(FORM, EMPTY | {"normal": "8"}).status_code == 403
        assert f'href="{NUMBERS}"' not in browser.get("/admin/").content.decode()

    def test_staff_who_may_see_may_not_change(self) -> None:
        browser = staff_with("view_limitoverride")

        page = text_of(browser.get(FORM))

        assert "You may look at these numbers, but not change them." in page
        assert "Save" not in page
        assert f'href="{NUMBERS}"' in page
        assert browser.post(FORM, EMPTY | {"normal": "8"}).status_code == 403
        assert in_force(AUTH) == AUTH

    def test_staff_who_may_change_do(self) -> None:
        assert staff_with("change_limitoverride").post(FORM, EMPTY | {"normal": "8"}).status_code == 302
        assert in_force(AUTH).normal == 8
