"""Django's own middleware with what this project adds to it, so that no further layer is needed."""

from collections.abc import Callable
from typing import Any

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import MiddlewareNotUsed
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware

from nocturnal_project.errors import LengthRequired
from nocturnal_project.problems import problem_of

_PROBES = "/api/health"

# Content-Security-Policy by the path's beginning; the first that fits. Built once: a policy is a constant.
_NOTHING_ELSE = "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
# unfold's pages run Alpine, which evaluates expressions, and carry inline scripts and styles.
# Pictures may come from the file storage. Nothing else comes from elsewhere.
_STAFF = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    f"img-src 'self' data: https: http:; form-action 'self'; {_NOTHING_ELSE}"
)
_DOCS = (
    f"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action 'none'; {_NOTHING_ELSE}"
)
_API = f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; {_NOTHING_ELSE}"
_POLICIES = (("/admin/", _STAFF), ("/api/docs/", _DOCS), ("/", _API))


class SecurityHeadersMiddleware(SecurityMiddleware):
    """Adds a Content-Security-Policy and X-Frame-Options to what Django sets."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Set the fields."""
        path = request.path_info
        policy = next((policy for prefix, policy in _POLICIES if path.startswith(prefix)), _API)
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Frame-Options"] = "DENY"
        return super().process_response(request, response)


class OriginMiddleware(CorsMiddleware):
    """django-cors-headers, where an origin is let in at all: it costs every answer a Vary header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Step aside when CORS_ALLOWED_ORIGINS is empty."""
        if not settings.CORS_ALLOWED_ORIGINS:
            raise MiddlewareNotUsed
        super().__init__(get_response)


class BrowserMiddleware:
    """Sessions, CSRF, staff and messages for pages. The API takes no cookies, and its requests pass by.

    Each layer of Django's costs every request that goes through it, so these four are one layer for the API.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap the four around what comes after, for pages only."""
        self._for_api: Any = get_response
        self._for_pages: Any = get_response
        for layer in (MessageMiddleware, AuthenticationMiddleware, CsrfViewMiddleware, SessionMiddleware):
            self._for_pages = convert_exception_to_response(layer(self._for_pages))
        self._csrf = CsrfViewMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve the request, with cookies or without."""
        response: HttpResponseBase = (self._for_api if _is_api(request) else self._for_pages)(request)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Hold forms to their token; Django calls this hook on the layers that it knows only."""
        return None if _is_api(request) else self._csrf.process_view(request, view, args, kwargs)


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


class RequestCheckMiddleware(CommonMiddleware):
    """Refuses a body without a length, and a Host that is not ours on every path but the probes'.

    Load balancers and kubelets ask a pod for its health by IP address, which no list of hosts can know.
    Health answers use nothing of the Host header.
    """

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:  # type: ignore[override]  # stub too narrow
        """Return the refusal or a redirect to the path with its slash; None lets the request pass."""
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
            # Django would take a chunked body for an empty one.
            return problem_of(
                request, LengthRequired("Send the body with a Content-Length; chunked bodies are not taken.")
            )
        return None if request.path_info.startswith(_PROBES) else super().process_request(request)
