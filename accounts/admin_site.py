"""The admin site: unfold's, with a login that is under the auth policy."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

from nocturnal_project.client_ip import client_ip
from ratelimits.policies import POLICIES, Exempt
from ratelimits.subjects import account_subject, ip_subject, user_subject
from ratelimits.throttling import add_headers, charge, give_back

_STAFF = Exempt("Staff are signed in; strangers are charged under api, and the login under auth.")
_FOUND = 302


class NocturnalAdminSite(UnfoldAdminSite):
    """Staff's site."""

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Wrap a page: strangers are charged before they are sent to the login."""
        inner = super().admin_view(view, cacheable)

        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request):
                charge(request, POLICIES["api"], [ip_subject(client_ip(request))])
            response: HttpResponseBase = inner(request, *args, **kwargs)
            add_headers(request, response)
            return response

        page.rate_limits = _STAFF  # type: ignore[attr-defined]  # read by the test that walks the URLs
        return page

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign staff in. A try is charged to the address and the account; one that succeeds is given back."""
        if request.method == "POST":
            subjects = [ip_subject(client_ip(request)), account_subject(request.POST.get("username", ""))]
            charge(request, POLICIES["auth"], subjects)
        response: HttpResponse = super().login(request, extra_context)
        if request.method == "POST" and response.status_code == _FOUND:
            give_back(request)
        add_headers(request, response)
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Change one's own password. A try is charged to the user alone; one that succeeds is given back."""
        from accounts.forms import OwnPasswordForm  # needs the models, which are not there yet when the site is made

        if request.method == "POST":
            charge(request, POLICIES["auth"], [user_subject(request.user.pk)])
        done = reverse(f"{self.name}:password_change_done", current_app=self.name)
        context = {**self.each_context(request), **(extra_context or {})}
        request.current_app = self.name
        view = PasswordChangeView.as_view(form_class=OwnPasswordForm, success_url=done, extra_context=context)
        response = view(request)
        if request.method == "POST" and response.status_code == _FOUND:
            give_back(request)
        return response

    login.rate_limits = {"post": POLICIES["auth"]}  # type: ignore[attr-defined]  # read by the test that walks the URLs
