"""Django's own middleware with what this project adds to it, so that no further layer is needed."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.common import CommonMiddleware
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
