"""Every path. The API lives below /api/; what is under /api/v1/ keeps its shape."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from ratelimits.policies import Exempt
from ratelimits.throttling import exempt
from uploads.local_files import PATH as FILES
from uploads.views import signed_file

_DESCRIPTION = Exempt("The description is public and the same for everyone.")


@exempt("A redirect that looks at nothing.")
def home(request: HttpRequest) -> HttpResponse:
    """Send a person who opens the bare address to the documentation."""
    return redirect("docs")


class _SchemaView(SpectacularAPIView):
    rate_limits = _DESCRIPTION


class _DocsView(SpectacularSwaggerSplitView):
    rate_limits = _DESCRIPTION
    url_name = "schema"


urlpatterns = [
    path("", home, name="home"),
    path("admin/", admin.site.urls),
    path("api/", include("health.urls")),
    path("api/schema/", _SchemaView.as_view(), name="schema"),
    path("api/docs/", _DocsView.as_view(), name="docs"),
    path("api/v1/", include("accounts.urls")),
    path("api/v1/", include("uploads.urls")),
    path(f"{FILES.strip('/')}/<str:signed>", signed_file, name="signed_file"),
]

handler400 = "nocturnal_project.problems.bad_request"
handler403 = "nocturnal_project.problems.permission_denied"
handler404 = "nocturnal_project.problems.page_not_found"
handler500 = "nocturnal_project.problems.server_error"
