"""Which of the staff may see whom the limits hold, and who may act on it."""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

View = Callable[..., HttpResponseBase]


def may_see(request: HttpRequest) -> bool:
    """Whoever may read the events may see who is held: they tell the same of the same people."""
    return bool(request.user.has_perm("ratelimits.view_limitevent"))


def may_act(request: HttpRequest) -> bool:
    """Whoever may change the limits may lift and hold, where they see whom."""
    return may_see(request) and bool(request.user.has_perm("ratelimits.change_limitoverride"))


def may_see_numbers(request: HttpRequest) -> bool:
    """Whoever may see or change the limits' numbers."""
    return any(request.user.has_perm(f"ratelimits.{verb}_limitoverride") for verb in ("view", "change"))


def only_if(allowed: Callable[[HttpRequest], bool]) -> Callable[[View], View]:
    """Refuse staff who may not open a page with 403."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponseBase:
            if not allowed(request):
                raise PermissionDenied
            return view(request)

        return guarded

    return decorate
