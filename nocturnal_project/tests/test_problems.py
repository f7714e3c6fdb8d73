from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.test import Client
from django.urls import path
from django.views.decorators.http import require_POST
from rest_framework import exceptions as drf
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from nocturnal_project.errors import InvalidInput, NocturnalError, NotFound, ServiceUnavailable
from nocturnal_project.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500"]

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


class TeapotBroken(NocturnalError):
    code = "teapot_broken"
    status = 418
    title = "The teapot is broken."


FAILURES: dict[str, Exception] = {
    "ours": TeapotBroken("Its lid fell off.", headers={"X-Lid": "off"}, pieces=3),
    "missing": NotFound(),
    "down": ServiceUnavailable(retry_after_seconds=7),
    "input": InvalidInput.at("?limit", code="invalid", detail="Not that many."),
    "http404": Http404("a secret of the view"),
    "denied": PermissionDenied("a secret of the view"),
    "suspicious": SuspiciousOperation("a secret of the view"),
    "multipart": MultiPartParserError("a secret of the view"),
    "gone": UnreadablePostError("connection reset"),
    "too-big": RequestDataTooBig("a secret of the view"),
    "database": OperationalError("server closed the connection"),
    "connection": InterfaceError("connection already closed"),
    "duplicate": IntegrityError("UNIQUE constraint failed: a secret of the view"),
    "bug": ZeroDivisionError("a secret of the view"),
    "unauthenticated": drf.NotAuthenticated(),
    "forbidden": drf.PermissionDenied(),
    "unsupported": drf.UnsupportedMediaType("text/csv"),
}


def plain(request: HttpRequest, name: str) -> HttpResponse:
    raise FAILURES[name]


class Rest(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request, name: str) -> Response:
        raise FAILURES[name]


@require_POST
def only_post(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("api/plain/<str:name>", plain),
    path("api/rest/<str:name>", Rest.as_view()),
    path("api/only-post", only_post),
    path("pages/<str:name>", plain),
]

pytestmark = pytest.mark.urls(__name__)


# What fails -> the answer's status, code and detail.
_ANSWERS = [
    ("ours", 418, "teapot_broken", "Its lid fell off."),
    ("missing", 404, "not_found", "There is nothing here."),
    ("down", 503, "service_unavailable", "A system behind this service is not available."),
    ("input", 422, "invalid_input", "Not that many."),
    ("http404", 404, "not_found", "There is nothing here."),
    ("denied", 403, "forbidden", "You may not do this."),
    ("suspicious", 400, "malformed_request", "The request cannot be understood."),
    ("multipart", 400, "malformed_request", "The request cannot be understood."),
    ("gone", 400, "malformed_request", "The request cannot be understood."),
    ("too-big", 413, "body_too_large", "The body, or one field in it, is larger than this endpoint takes."),
    ("database", 503, "service_unavailable", "The database did not answer in time. Try again shortly."),
    ("connection", 503, "service_unavailable", "The database did not answer in time. Try again shortly."),
    # A constraint that nobody caught is a bug: trying again will not help.
    ("duplicate", 500, "internal_error", "Something went wrong on our side. Quote the request_id when you report it."),
    ("bug", 500, "internal_error", "Something went wrong on our side. Quote the request_id when you report it."),
]


@pytest.mark.parametrize("kind", ["plain", "rest"])
@pytest.mark.parametrize(("name", "status", "code", "detail"), _ANSWERS, ids=[row[0] for row in _ANSWERS])
def test_every_failure_is_one_problem_whoever_raises_it(
    client: Client, kind: str, name: str, status: int, code: str, detail: str
) -> None:
    answer = client.get(f"/api/{kind}/{name}")

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() >= MEMBERS
    assert (problem["status"], problem["code"], problem["detail"]) == (status, code, detail)
    assert problem["type"] == f"urn:nocturnal:problem:{code}"
    assert problem["instance"] == f"/api/{kind}/{name}"
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert b"a secret of the view" not in answer.content


def test_the_members_are_those_of_rfc_9457_and_ours_and_no_others(client: Client) -> None:
    assert client.get("/api/plain/missing").json().keys() == MEMBERS
    assert client.get("/api/plain/input").json().keys() == MEMBERS | {"errors"}


def test_an_error_of_ours_brings_its_title_its_facts_and_its_headers(client: Client) -> None:
    answer = client.get("/api/rest/ours")

    assert (answer.json()["title"], answer.json()["pieces"]) == ("The teapot is broken.", 3)
    assert answer.headers["X-Lid"] == "off"


@pytest.mark.parametrize(("name", "seconds"), [("down", "7"), ("database", "5"), ("connection", "5")])
def test_an_outage_says_when_to_try_again(client: Client, name: str, seconds: str) -> None:
    assert client.get(f"/api/rest/{name}").headers["Retry-After"] == seconds


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("unauthenticated", 403, "authentication_required"),  # 401 needs a challenge, and this view has none
        ("forbidden", 403, "forbidden"),
        ("unsupported", 415, "unsupported_media_type"),
    ],
)
def test_the_failures_of_rest_framework_have_our_codes(client: Client, name: str, status: int, code: str) -> None:
    answer = client.get(f"/api/rest/{name}")

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("route", ["/api/only-post", "/api/rest/ours"])
def test_a_wrong_method_is_named_with_the_right_ones_in_allow(client: Client, route: str) -> None:
    answer = client.put(route)

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.json()["detail"] == "PUT is not allowed here."
    assert "PUT" not in answer.headers["Allow"]


@pytest.mark.parametrize("accept", [None, "text/html", "*/*", "application/xml", "nonsense"])
def test_the_api_answers_json_whatever_the_client_accepts(client: Client, accept: str | None) -> None:
    fields: dict[str, Any] = {"HTTP_ACCEPT": accept} if accept else {}

    for where in ("/api/plain/bug", "/api/rest/missing", "/api/nowhere"):
        assert client.get(where, **fields).headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["bug", "missing", "down"])
def test_a_page_for_a_person_says_the_same_in_html_with_the_same_headers(client: Client, name: str) -> None:
    answer = client.get(f"/pages/{name}", HTTP_ACCEPT="text/html,*/*;q=0.8")

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["X-Request-ID"] in answer.content.decode()
    assert answer.headers.get("Retry-After") == ("7" if name == "down" else None)


def test_outside_the_api_a_client_that_asks_for_nothing_gets_json(client: Client) -> None:
    assert client.get("/pages/bug").headers["Content-Type"] == "application/problem+json"


def test_nothing_is_where_no_route_is(client: Client) -> None:
    answer = client.get("/api/nowhere")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
