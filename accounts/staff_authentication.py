"""Staff's sign-in to the admin: who may, with what rights, and for how long."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from unfold.forms import AuthenticationForm

from accounts.models import User

_SIGNED_IN_AT, _USED_AT = "signed_in_at", "used_at"
_NOTED_EVERY_SECONDS = 300


class StaffBackend(ModelBackend):
    """Django's, for the admin alone."""

    def get_user(self, user_id: Any) -> User | None:
        """Return who is signed in, or None when they were deactivated or must reset their password."""
        user: Any = super().get_user(user_id)
        return user if user and not user.password_reset_required else None

    def _get_group_permissions(self, user_obj: User) -> Any:
        """Read the groups first, then the keys of their permissions, and then these.

        Django does it in one query with a subquery, for which MongoDB's backend sends ``$facet``, ``$getField``
        and ``$expr``: DocumentDB has not all of them, and without them staff who are no superusers see nothing.
        A join from the permissions would read every one that there is, for every page.
        """
        groups = list(user_obj.groups.values_list("pk", flat=True))
        held = Group.permissions.through.objects.filter(group_id__in=groups)
        return Permission.objects.filter(pk__in=list(held.values_list("permission_id", flat=True)))


class StaffLoginForm(AuthenticationForm):
    """The admin's login."""

    def confirm_login_allowed(self, user: Any) -> None:
        """Let staff in whose password is good enough; others learn no more than from a wrong password.

        Raises:
            ValidationError: they are no staff, or must reset the password first.
        """
        super().confirm_login_allowed(user)
        if user.password_reset_required:
            raise ValidationError("Your password must be reset before you can sign in.", code="password_reset_required")


def note_sign_in(sender: object, request: HttpRequest, **kwargs: Any) -> None:
    """Give the session a new key and the time of the sign-in; a receiver of Django's ``user_logged_in``.

    Django keeps the key when someone who is signed in signs in again: a copied cookie would get twelve hours more.
    """
    request.session.cycle_key()
    request.session[_SIGNED_IN_AT] = timezone.now().timestamp()


def is_over(request: HttpRequest) -> bool:
    """Tell whether the admin's session is older than it may get, however busy it was kept."""
    age_seconds = timezone.now().timestamp() - request.session.get(_SIGNED_IN_AT, 0)
    longest: timedelta = settings.STAFF_SESSION_LIFETIME
    return bool(age_seconds > longest.total_seconds())


def keep(request: HttpRequest) -> None:
    """Note that the session is in use, which begins its hour anew.

    Not on every page: a page that saves the session while another request signs out could bring it back.
    """
    now = timezone.now().timestamp()
    if now - request.session.get(_USED_AT, 0) >= _NOTED_EVERY_SECONDS:
        request.session[_USED_AT] = now
