"""What staff can do to chosen users, in words; the services do it."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from accounts import staff_actions
from accounts.admin.confirmation import StaffAction
from accounts.admin.rank import why_spared
from accounts.events import Origin
from accounts.models import User
from nocturnal_project import clock


def _by_staff(service: Callable[..., int]) -> Callable[[HttpRequest, User], int]:
    def do(request: HttpRequest, user: User) -> int:
        actor: Any = request.user
        return service(user=user, actor=actor, origin=Origin.of(request), now=clock.now())

    return do


DEACTIVATE = StaffAction(
    name="deactivate",
    verb="Deactivate",
    consequence="Nobody can sign in to them any more, and their sessions end at once. Files and history stay.",
    done="Accounts deactivated",
    do=_by_staff(staff_actions.deactivate),
    spare=why_spared,
)
REACTIVATE = StaffAction(
    name="reactivate",
    verb="Reactivate",
    consequence="Their owners can sign in again with the passwords that they had.",
    done="Accounts reactivated",
    do=_by_staff(staff_actions.reactivate),
    spare=why_spared,
)
END_SESSIONS = StaffAction(
    name="end_sessions",
    verb="End all sessions of",
    consequence="Every device is signed out at once. The owners can sign in again.",
    done="Sessions ended",
    do=_by_staff(staff_actions.end_sessions_of),
    spare=why_spared,
)
REQUIRE_PASSWORD_RESET = StaffAction(
    name="require_password_reset",
    verb="Require a password reset of",
    consequence="Every device is signed out at once, and the password opens nothing until its owner has reset it, by "
    "the link that is mailed now or another one.",
    done="Password resets required",
    do=_by_staff(staff_actions.require_password_reset),
    spare=why_spared,
)
