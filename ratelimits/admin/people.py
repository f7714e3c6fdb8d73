"""Shows subjects as people know them: users by e-mail, read in one query for a page."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.urls import reverse

from ratelimits.subjects import Kind

_KINDS = {
    Kind.IP.value: "Address",
    Kind.USER.value: "User",
    Kind.ACCOUNT.value: "Sign-in tries at the account",
}


class Shown(NamedTuple):
    """A subject on a page: ``title`` is what people know it by, and ``page`` the user's, for who may open it."""

    name: str
    title: str
    kind: str
    detail: str = ""
    page: str = ""


def emails_of(names: Iterable[str]) -> dict[str, str]:
    """Return the e-mails of the users among subjects, by the subjects' names."""
    model = get_user_model()
    ids = {name.removeprefix("user:") for name in names if name.startswith("user:")}
    if not ids:
        return {}
    rows = model._default_manager.filter(pk__in=ids).values_list("pk", "email")  # noqa: SLF001  Django's documented name
    return {f"user:{key}": email for key, email in rows}


def shown(name: str, emails: Mapping[str, str], request: HttpRequest) -> Shown:
    """Return how a page shows a subject."""
    kind, _, value = name.partition(":")
    if kind == Kind.IP and "/" in value:
        return Shown(name, value, "IPv6 network")
    if kind != Kind.USER:
        return Shown(name, value, _KINDS.get(kind, kind))
    email = emails.get(name, "")
    return Shown(
        name, email or value, _KINDS[kind], value if email else "no account has this id", _page(value, request, email)
    )


def look_up(name: str) -> str:
    """Return the address of the page that says where a subject stands."""
    return f"{reverse('rate_limits')}?{urlencode({'q': name})}"


def _page(key: str, request: HttpRequest, email: str) -> str:
    options = get_user_model()._meta  # noqa: SLF001  Django's documented name
    if not email or not request.user.has_perm(f"{options.app_label}.view_{options.model_name}"):
        return ""
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[key])
