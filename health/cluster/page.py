"""The cluster page: what somebody on call sees in one look, read anew every five seconds."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from health.cluster.attention import notices
from health.cluster.decisions import MINUTES, decisions
from health.cluster.view_model import parts_of, seen_now
from health.readiness import shared_outcomes
from nocturnal_project import clock
from ratelimits.admin.permissions import may_see as may_see_limits
from ratelimits.admin.permissions import only_if


def may_see(request: HttpRequest) -> bool:
    """Tell who of the staff is shown the instances and their addresses."""
    return bool(request.user.has_perm("health.view_cluster"))


@require_safe
@only_if(may_see)
def page(request: HttpRequest) -> HttpResponse:
    """Show everything."""
    request.current_app = admin.site.name  # read by Django's url tag
    context = {**admin.site.each_context(request), "title": "Cluster", **_content(request)}
    return render(request, "health/cluster.html", context)


@require_safe
@only_if(may_see)
def part(request: HttpRequest) -> HttpResponse:
    """Show the part that changes, for the page's script."""
    return render(request, "health/cluster_part.html", _content(request))


def _content(request: HttpRequest) -> dict[str, Any]:
    seen_at, instances, shared = seen_now()
    outcomes = shared_outcomes()
    cluster, parts = parts_of(seen_at, instances)
    return {
        **parts,
        "notices": notices(cluster, outcomes, shared=shared),
        "outcomes": outcomes,
        "decisions": decisions(),
        "minutes": MINUTES,
        "shared": shared,
        "here": settings.INSTANCE_ID,
        "may_see_limits": may_see_limits(request),
        "now": clock.now(),
    }
