"""Every failure becomes an answer: our errors, DRF's and Django's, as RFC 9457 problem+json.

Pages for people (the admin) get the same facts as HTML when the client asks for HTML; the API never does.
"""

import json
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import BadRequest, DisallowedHost, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.shortcuts import render
from rest_framework import exceptions as drf
from rest_framework.request import Request

from nocturnal_project.errors import BodyTooLarge, NocturnalError, NotFound, ServiceUnavailable
from nocturnal_project.redis_connections import OUTAGES

_log = structlog.stdlib.get_logger("nocturnal.problems")

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:nocturnal:problem:"

# What DRF calls its failures, in our codes.
_CODES = {
    "parse_error": "malformed_request",
    "authentication_failed": "invalid_token",
    "not_authenticated": "authentication_required",
    "permission_denied": "forbidden",
    "invalid": "invalid_input",
}


def problem(
    request: HttpRequest,
    *,
    status: int,
    code: str,
    detail: str,
    title: str = "",
    headers: Mapping[str, str] | None = None,
    **facts: Any,
) -> HttpResponse:
    """Answer with a problem object; facts become its members, and ``type`` may be one of them."""
    phrase = HTTPStatus(status).phrase
    body = {
        "type": f"{TYPE_PREFIX}{code}",
        "title": title or phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "code": code,
        "request_id": getattr(request, "request_id", ""),
        **facts,
    }
    if _is_for_a_person(request):
        page = render(request, "error.html", {"problem": body, "phrase": phrase}, status=status)
        for name, value in (headers or {}).items():
            page.headers[name] = value
        return page
    content = json.dumps(body).encode()
    # Set here too, because an answer made outside the common middleware would be sent in chunks.
    length = {"Content-Length": str(len(content))}
    return HttpResponse(content, content_type=CONTENT_TYPE, status=status, headers=length | dict(headers or {}))


def _is_for_a_person(request: HttpRequest) -> bool:
    return not request.path.startswith("/api/") and "text/html" in request.META.get("HTTP_ACCEPT", "")


def problem_of(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Answer for an error that is known, or None for a bug."""
    match error:
        case NocturnalError():
            known = error
        case RequestDataTooBig():
            known = BodyTooLarge("The body, or one field in it, is larger than this endpoint takes.")
        case Http404():
            known = NotFound()
        case OperationalError() | InterfaceError():
            # Lost connections and busy locks; what a constraint refuses is caught where it can happen.
            _log.error("database unavailable", error=type(error).__name__, exc_info=error)
            known = ServiceUnavailable("The database did not answer in time. Try again shortly.")
        case _ if isinstance(error, OUTAGES):
            _log.error("redis unavailable", error=type(error).__name__)
            known = ServiceUnavailable("The store of sessions did not answer in time. Try again shortly.")
        case PermissionDenied():
            return problem(request, status=403, code="forbidden", detail="You may not do this.")
        case DisallowedHost():
            detail = "This host is not served here. If you operate it, name the host in ALLOWED_HOSTS."
            return problem(request, status=400, code="malformed_request", detail=detail)
        case SuspiciousOperation() | BadRequest() | MultiPartParserError() | UnreadablePostError():
            return problem(request, status=400, code="malformed_request", detail="The request cannot be understood.")
        case drf.APIException():
            return _problem_of_drf(request, error)
        case _:
            return None
    return problem(
        request,
        status=known.status,
        code=known.code,
        title=known.title,
        detail=known.detail,
        headers=known.headers,
        **known.facts,
    )


def _problem_of_drf(request: HttpRequest, error: drf.APIException) -> HttpResponse:
    challenge = getattr(error, "auth_header", None)
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    if isinstance(error, drf.ValidationError):
        errors = list(_input_errors(error.get_full_details(), pointer="#"))
        detail = "The input is not valid; see errors."
        return problem(
            request, status=422, code="invalid_input", title="The input is not valid.", detail=detail, errors=errors
        )
    code = str(error.get_codes())
    wrong_method = isinstance(error, drf.MethodNotAllowed)
    detail = f"{request.method} is not allowed here." if wrong_method else str(error.detail)
    return problem(request, status=error.status_code, code=_CODES.get(code, code), detail=detail, headers=headers)


def _input_errors(details: Any, pointer: str) -> Any:
    """Flatten DRF's nested details to a list of {pointer, code, detail}, pointers as RFC 6901 fragments."""
    if _is_leaf(details):
        yield {"pointer": pointer, "code": str(details["code"]), "detail": str(details["message"])}
    elif isinstance(details, Mapping):
        for name, inner in details.items():
            escaped = str(name).replace("~", "~0").replace("/", "~1")
            yield from _input_errors(inner, pointer if name == "non_field_errors" else f"{pointer}/{escaped}")
    else:
        for index, inner in enumerate(details):
            yield from _input_errors(inner, pointer if _is_leaf(inner) else f"{pointer}/{index}")


def _is_leaf(details: Any) -> bool:
    """Tell an error itself from fields that happen to be called message and code."""
    return isinstance(details, Mapping) and isinstance(details.get("message"), str)


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's hook: answer, or None to let a bug reach the middleware below."""
    request: Request = context["request"]
    return problem_of(request._request, error)  # noqa: SLF001  DRF's name for Django's request


class ProblemMiddleware:
    """Answers for what views outside DRF raise, for bare 405s, and for bugs; the innermost middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap the view."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Give a 405 that Django made without a body the form of every other failure."""
        response = self._get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and response.get("Content-Type") != CONTENT_TYPE:
            allowed = {"Allow": response["Allow"]} if "Allow" in response else {}
            detail = f"{request.method} is not allowed here."
            return problem(request, status=405, code="method_not_allowed", detail=detail, headers=allowed)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse:
        """Turn what a view raised into its answer."""
        return problem_of(request, error) or _bug(request, error)


def _bug(request: HttpRequest, error: BaseException | None) -> HttpResponse:
    _log.error("unhandled error", exc_info=error)
    detail = "Something went wrong on our side. Quote the request_id when you report it."
    return problem(request, status=500, code="internal_error", detail=detail)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: refused hosts and other suspicious requests."""
    answer = problem_of(request, exception)
    return answer or problem(request, status=400, code="malformed_request", detail="The request cannot be understood.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    return problem(request, status=403, code="forbidden", detail="You may not do this.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return problem(request, status=404, code="not_found", title=NotFound.title, detail=NotFound.title)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: a bug in a middleware."""
    error = sys.exc_info()[1]
    known = problem_of(request, error) if isinstance(error, Exception) else None
    return known or _bug(request, error)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW: a form was sent without its token, or from another site."""
    detail = "The form's protection token is missing or old. Reload the page and send it again."
    return problem(request, status=403, code="csrf_failed", detail=detail)
