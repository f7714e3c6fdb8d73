"""A user sees what happened to their own account, and nothing of anybody else."""

from collections.abc import Callable

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.events import Kind, Origin, record
from accounts.models import Session, User
from nocturnal_project import clock

pytestmark = pytest.mark.django_db
PATH = "/api/v1/me/security-events"


def test_the_events_are_ones_own_newest_first(alice: User, bob: User, sign_in: Callable[[User], APIClient]) -> None:
    sign_in(bob)
    APIClient(REMOTE_ADDR="198.51.100.9").post("/api/v1/auth/login", {"email": alice.email, "password": "wrong one"})
    client = sign_in(alice)

    answer = client.get(PATH)

    signed_in, refused = answer.json()["results"]
    assert list(answer.json()) == ["next", "previous", "results"]
    assert set(signed_in) == {"id", "kind", "description", "at", "address", "user_agent", "session_id", "current"}
    assert (signed_in["kind"], signed_in["description"], signed_in["current"]) == ("signed_in", "Signed in", True)
    assert signed_in["session_id"] == str(Session.objects.get(user=alice).pk)
    assert (refused["description"], refused["address"]) == ("Sign-in refused: wrong password", "198.51.100.9")
    assert (refused["session_id"], refused["current"]) == (None, False)


def test_what_staff_did_comes_without_who_and_from_where(
    alice: User, staff: Client, sign_in: Callable[[User], APIClient]
) -> None:
    form = {"action": "end_sessions", "_selected_action": [str(alice.pk)], "confirmed": "yes"}
    sign_in(alice)
    staff.post("/admin/accounts/user/", form, REMOTE_ADDR="192.0.2.55", HTTP_USER_AGENT="Staff's browser")

    answer = sign_in(alice).get(PATH)

    assert [event["description"] for event in answer.json()["results"]] == [
        "Signed in",
        "Session ended: by staff",
        "Signed in",
    ]
    assert (answer.json()["results"][1]["address"], answer.json()["results"][1]["user_agent"]) == ("", "")
    assert "192.0.2.55" not in answer.content.decode()
    assert "sam" not in answer.content.decode().lower()


def test_they_come_in_pages(alice: User, sign_in: Callable[[User], APIClient]) -> None:
    for number in range(4):
        record(Kind.SIGNED_IN, user_id=alice.pk, origin=Origin(address=f"203.0.113.{number}"), now=clock.now())
    client = sign_in(alice)

    first = client.get(f"{PATH}?limit=3")
    second = client.get(first.json()["next"])

    assert [event["address"] for event in first.json()["results"]] == ["127.0.0.1", "203.0.113.3", "203.0.113.2"]
    assert [event["address"] for event in second.json()["results"]] == ["203.0.113.1", "203.0.113.0"]
    assert 'rel="next"' in first["Link"]
    assert second.json()["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=nonsense"])
def test_a_query_that_makes_no_sense_is_refused(alice: User, sign_in: Callable[[User], APIClient], query: str) -> None:
    answer = sign_in(alice).get(f"{PATH}?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_strangers_see_nothing(db: None) -> None:
    assert APIClient().get(PATH).status_code == 401
