"""Every path. The API lives below /api/; what is under /api/v1/ keeps its shape."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation

from accounts import urls as accounts_urls
from accounts.well_known import jwks
from health.metrics import metrics
from nocturnal_project.errors import NotFound
from ratelimits.policies import POLICIES, Exempt
from ratelimits.throttling import exempt, limited
from uploads import receiving
from uploads.downloads import signed_file
from uploads.local_files import PATH as FILES

_DESCRIPTION = Exempt("The description is public and the same for everyone.")


@csrf_exempt
@exempt("A redirect that looks at nothing.")
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Send a person who opens the bare address to the documentation."""
    return redirect("docs")


@csrf_exempt
@limited(POLICIES["api"])
def nothing_here(request: HttpRequest, rest: str) -> HttpResponse:
    """Refuse a path below /api/ that leads nowhere, charged like any other question, and never as an HTML page."""
    raise NotFound


class _SchemaView(SpectacularAPIView):
    rate_limits = _DESCRIPTION
    content_negotiation_class = DefaultContentNegotiation  # YAML, or JSON by Accept or ?format=json


class _DocsView(SpectacularSwaggerSplitView):
    rate_limits = _DESCRIPTION
    url_name = "schema"


# The first that fits is taken, so that what is asked most often comes first.
urlpatterns = [
    path("api/v1/", include("accounts.urls")),
    path("api/v1/", include("uploads.urls")),
    path("", home, name="home"),
    path(".well-known/jwks.json", jwks, name="jwks"),
    path("admin/cluster/", include("health.cluster.urls")),
    path("admin/rate-limits/", include("ratelimits.admin.urls")),
    path("admin/", admin.site.urls),
    path("metrics", metrics, name="metrics"),
    path("api/", include("health.urls")),
    path("api/schema/", _SchemaView.as_view(), name="schema"),
    path("api/docs/", _DocsView.as_view(), name="docs"),
    path("account/", include(accounts_urls.pages)),
    path("api/<path:rest>", nothing_here),
    path(FILES.strip("/") + "/", receiving.form, name="sent_file"),
    path(f"{FILES.strip('/')}/<str:signed>", signed_file, name="signed_file"),
]

handler400 = "nocturnal_project.problems.bad_request"
handler403 = "nocturnal_project.problems.permission_denied"
handler404 = "nocturnal_project.problems.page_not_found"
handler500 = "nocturnal_project.problems.server_error"
