"""What the tests of staff's pages share."""

from collections import Counter
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from conftest import PASSWORD
from ratelimits import limiter
from ratelimits.policies import POLICIES
from ratelimits.subjects import Subject
from ratelimits.tally import Outcome

LIVE = "/admin/rate-limits/"
NUMBERS = "/admin/ratelimits/limitoverride/"
EVENTS = "/admin/ratelimits/limitevent/"


def be_refused(subject: Subject, times: int, policy: str = "auth") -> None:
    """Ask until there were so many refusals."""
    refused = 0
    while refused < times:
        refused += not limiter.decide(POLICIES[policy], [subject]).allowed


def decided(minutes: dict[int, Counter[Outcome]], outcome: str) -> int:
    """Return how often auth decided so, in whatever mode."""
    each = (item for counts in minutes.values() for item in counts.items())
    return sum(number for (policy, _, what), number in each if (policy, what) == ("auth", outcome))


def staff_with(*codenames: str) -> Client:
    """Return a browser signed in as staff with these permissions and no other."""
    user = get_user_model()._default_manager.create_user("kim@example.com", PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client(HTTP_ACCEPT="text/html")
    client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    """Return a page without its line breaks and indentation."""
    assert answer.status_code in {200, 422}, answer.status_code
    return " ".join(answer.content.decode().split())
