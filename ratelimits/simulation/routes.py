"""Which policy a logged request was under: what its view says, and a table for paths that are not of this version."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve

from ratelimits.policies import Exempt, Policy

_OK, _REDIRECTED = 200, 302
_ANYTHING_ELSE = "api/<path:rest>"
# The first that fits counts: (method, beginning of the path, policy).
_TABLE = (
    ("POST", "/api/v1/auth/refresh", "api"),
    ("POST", "/api/v1/auth/logout", "api"),
    ("POST", "/api/v1/auth/", "auth"),
    ("POST", "/admin/login/", "auth"),
    ("POST", "/api/v1/uploads", "upload"),
    ("", "/api/health", None),
    ("", "/api/schema/", None),
    ("", "/api/docs/", None),
    ("", "/api/", "api"),
)
# A try that succeeds is given back.
_GIVEN_BACK = {("/api/v1/auth/login", _OK), ("/admin/login/", _REDIRECTED)}


def policy_name(method: str, path: str, *, is_template: bool) -> str | None:
    """Return the policy of a request, or None: not limited, or not ours.

    The pages of the admin count as not limited: a log does not say whether staff or a stranger asked.
    """
    if method == "OPTIONS":
        return None  # the preflight of a browser, which the CORS middleware answers
    return _named(method, path if is_template else _plain(path), is_template)


def gives_back(method: str, path: str, status: int) -> bool:
    """Tell whether the request's try was given back: it signed in."""
    return method == "POST" and (_plain(path), status) in _GIVEN_BACK


def _plain(path: str) -> str:
    if path.startswith("/"):
        return path.partition("?")[0]
    try:
        return urlsplit(path).path
    except ValueError:
        return path


@lru_cache(maxsize=20_000)
def _named(method: str, path: str, is_template: bool) -> str | None:
    callback = _templates().get(path) if is_template else _resolved(path)
    if callback is None:
        return next((policy for verb, start, policy in _TABLE if verb in ("", method) and path.startswith(start)), None)
    return _said(callback, method.lower())


def _resolved(path: str) -> Callable[..., Any] | None:
    try:
        match = resolve(path)
    except Resolver404:
        return None
    return None if match.route == _ANYTHING_ELSE else match.func


@cache
def _templates() -> Mapping[str, Callable[..., Any]]:
    return {path: callback for path, callback in _walk(get_resolver().url_patterns, "/") if path[1:] != _ANYTHING_ELSE}


def _walk(patterns: Any, prefix: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    for pattern in patterns:
        here = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, here)
        elif isinstance(pattern, URLPattern):
            yield here, pattern.callback


def _said(callback: Any, method: str) -> str | None:
    """Return what a view says of a method. DRF's views are under api where they say nothing; plain ones are not."""
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    limits: Mapping[str, Policy] | Exempt | None = getattr(view or callback, "rate_limits", None)
    if limits is None or isinstance(limits, Exempt):
        return None
    actions: Mapping[str, str] = getattr(callback, "actions", None) or {}
    found = limits.get(actions.get(method, "")) or limits.get(method)
    return found.name if found else ("api" if view else None)
