"""Every path has a rate limit or a reason, and every path of the API is described."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, include, path
from drf_spectacular.generators import SchemaGenerator
from rest_framework.views import APIView

from ratelimits.policies import POLICIES, Exempt, Policy
from ratelimits.throttling import PolicyThrottle, RateLimitedAPIView

UNDESCRIBED = {"/api/schema/", "/api/docs/"}
METHODS = ("get", "post", "put", "patch", "delete")


class Route(NamedTuple):
    """One path of the URLconf and what answers it."""

    path: str
    callback: Any

    @property
    def view(self) -> Any:
        """The view as it was written: DRF and Django keep a class on the function they make of it."""
        return getattr(self.callback, "cls", None) or getattr(self.callback, "view_class", None) or self.callback

    @property
    def site(self) -> AdminSite | None:
        """The admin site that wraps this view in its ``admin_view`` when it is called."""
        model_admin = getattr(self.callback, "model_admin", None)
        site: AdminSite | None = model_admin.admin_site if model_admin else getattr(self.callback, "admin_site", None)
        return site

    @property
    def limits(self) -> Any:
        """What the view says of its limits, or None."""
        if self.site:
            return getattr(self.site.admin_view(self.callback), "rate_limits", None)
        return getattr(self.view, "rate_limits", None)

    @property
    def methods(self) -> set[str]:
        """The methods that the view answers, without HEAD and OPTIONS."""
        actions: Mapping[str, str] | None = getattr(self.callback, "actions", None)
        return {method for method in METHODS if (method in actions if actions else hasattr(self.view, method))}


def routes(patterns: Any = None, prefix: str = "/") -> Iterator[Route]:
    """Every route, however deep it is included."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        here = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, here)
        else:
            assert isinstance(pattern, URLPattern)
            yield Route(here, pattern.callback)


def fault(route: Route) -> str | None:
    """What is wrong with what the view says of its limits, or None."""
    limits = route.limits
    if isinstance(limits, Exempt):
        return None if len(limits.why) > 20 else "exempt without a reason"
    if not isinstance(limits, Mapping) or not all(isinstance(policy, Policy) for policy in limits.values()):
        return "says no policy"
    if not all(POLICIES[policy.name] is policy for policy in limits.values()):
        return "has a policy that is not in the table"
    if isinstance(route.view, type) and issubclass(route.view, APIView):
        throttled = issubclass(route.view, RateLimitedAPIView) and PolicyThrottle in route.view.throttle_classes
        return None if throttled else "has a policy that nothing applies"
    return None if limits else "says no policy"


def test_every_view_says_its_policy_or_why_it_has_none() -> None:
    found = list(routes())

    assert len(found) > 40
    assert [(route.path, fault(route)) for route in found if fault(route)] == []


def test_a_view_that_says_nothing_would_be_noticed() -> None:
    def silent(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    class Unthrottled(APIView):
        rate_limits: Mapping[str, Policy] = {}

    class Excused(APIView):
        rate_limits = Exempt("because")

    patterns = [
        path("a", silent),
        path("b/", include([path("c/", include([path("d", APIView.as_view())]))])),
        path("e", Unthrottled.as_view()),
        path("f", Excused.as_view()),
        path("g/", (AdminSite().get_urls(), "admin", "other")),
    ]

    faults = {route.path: fault(route) for route in routes(patterns)}

    assert faults["/a"] == faults["/b/c/d"] == faults["/g/login/"] == faults["/g/"] == "says no policy"
    assert faults["/e"] == "has a policy that nothing applies"
    assert faults["/f"] == "exempt without a reason"


@pytest.mark.django_db
def test_a_stranger_is_charged_on_every_path_that_is_not_exempt(client: Client) -> None:
    exempt = {
        route.path for route in routes() if isinstance(route.limits, Exempt) and not route.path.startswith("/admin/")
    }
    uncharged = set()
    for route in routes():
        concrete = re.sub(r"<[^>]+>|\(\?P<url>\.\*\)\$|\^\(\?P.*\$", "1", route.path)
        method = "POST" if route.path == "/admin/login/" else "GET"
        answer = client.generic(method, concrete, HTTP_ACCEPT="text/html")
        if not answer.headers.get("RateLimit", "").startswith(('"api";r=', '"auth";r=')):
            uncharged.add(route.path)

    assert uncharged == exempt


def test_every_route_of_the_api_is_described_with_its_methods_and_no_other() -> None:
    generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]  # untyped library
    served = {
        (re.sub(r"<[^>]+>", "{}", route.path), method)
        for route in routes()
        if route.path.startswith("/api/") and route.path not in UNDESCRIBED
        for method in route.methods
    }

    described = {
        (re.sub(r"\{[^}]+\}", "{}", where), method)
        for where, item in generator.get_schema(request=None, public=True)["paths"].items()
        for method in METHODS
        if method in item
    }

    assert described == served


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/auth/login/", "/api/nope", "/api/v1/uploads/"])
@pytest.mark.parametrize("method", ["get", "post", "patch", "put", "delete"])
def test_a_path_that_leads_nowhere_is_not_found_whatever_the_method(path: str, method: str) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "RateLimit" in answer
