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

_PROBES = ("/api/health", "/metrics")

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
# The pages behind the links in mails: plain forms that run nothing.
_FORMS = f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; {_NOTHING_ELSE}"
_API = f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; {_NOTHING_ELSE}"
_POLICIES = (("/admin/", _STAFF), ("/api/docs/", _DOCS), ("/account/", _FORMS), ("/", _API))


class SecurityHeadersMiddleware:
    """Adds to Django's security headers a Content-Security-Policy and X-Frame-Options; what a view set stays.

    And X-Instance, by which verify_scaling and a person see who answered: /api/health says it to everyone too.

    The fields are constants, so Django's middleware is asked once for each policy, and not for each answer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap the rest of the stack."""
        self._get_response = get_response
        self._django = SecurityMiddleware(get_response)
        self._fields: dict[tuple[str, bool], dict[str, tuple[str, str]]] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve the request and set the fields."""
        response = self._get_response(request)
        path = request.path_info
        policy = next((policy for prefix, policy in _POLICIES if path.startswith(prefix)), _API)
        secure = bool(self._django.sts_seconds) and request.is_secure()
        fields = self._fields.get((policy, secure)) or self._made(policy, request, secure=secure)
        # As Django keeps them: setting each by its name would encode it anew, for 10 µs an answer.
        response.headers._store = fields | response.headers._store  # noqa: SLF001  as said above
        return response

    def _made(self, policy: str, request: HttpRequest, *, secure: bool) -> dict[str, tuple[str, str]]:
        sample = HttpResponse(headers={"Content-Security-Policy": policy, "X-Frame-Options": "DENY"})
        sample.headers["X-Instance"] = settings.INSTANCE_ID
        self._django.process_response(request, sample)
        fields: dict[str, tuple[str, str]] = sample.headers._store  # noqa: SLF001  the same
        del fields["content-type"]
        self._fields[policy, secure] = fields
        return fields


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

    _MOST_HOSTS = 100

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap the rest of the stack; no host is known yet to be ours."""
        super().__init__(get_response)
        self._ours: set[str | None] = set()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Refuse the request or serve it."""
        meta = request.META
        if meta.get("HTTP_TRANSFER_ENCODING") and not meta.get("CONTENT_LENGTH"):
            # Django would take a chunked body for an empty one.
            refusal = LengthRequired("Send the body with a Content-Length; chunked bodies are not taken.")
            response: HttpResponseBase = problem_of(request, refusal)  # type: ignore[assignment]  # it is a known error
        else:
            if not request.path_info.startswith(_PROBES):
                self._require_our_host(request)
            response = self.get_response(request)  # type: ignore[assignment]  # never asynchronous here
        return self.process_response(request, response)

    def _require_our_host(self, request: HttpRequest) -> None:
        """Let Django look at a Host once.

        Raises:
            DisallowedHost: it is not in ALLOWED_HOSTS.
        """
        host = request.META.get("HTTP_HOST")
        if host not in self._ours:
            request.get_host()
            if len(self._ours) < self._MOST_HOSTS:
                self._ours.add(host)
