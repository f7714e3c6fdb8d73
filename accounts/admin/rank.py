"""What a member of staff may not do to whom, whatever permissions they have."""

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts.models import User

OWN = "it is your own account"
STAFF = "only a superuser may do this to staff"


def may_change(actor: User | AnonymousUser, user: User) -> bool:
    """Tell whether the actor is above the account: superusers are above everyone, others above who is no staff.

    Not only superusers are protected: with the right to change a colleague's e-mail one could have their password
    reset, and be them.
    """
    return bool(actor.is_active and (actor.is_superuser or not (user.is_staff or user.is_superuser)))


def why_spared(request: HttpRequest, user: User, *, own_too: bool = False) -> str:
    """Return why an action leaves an account alone, or nothing. ``own_too``: one's own account is no exception."""
    if user.pk == request.user.pk:
        return "" if own_too else OWN
    return "" if may_change(request.user, user) else STAFF
