"""The limits' numbers, changed without a deploy: every policy is there, also one that nobody has changed yet."""

from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin

from nocturnal_project import clock
from ratelimits import staff
from ratelimits.admin.number_form import NumberForm
from ratelimits.errors import LimitsContradict
from ratelimits.models import LimitOverride
from ratelimits.policies import OVERRIDABLE, POLICIES, SHADOW

_LIST = "admin:ratelimits_limitoverride_changelist"
_FIELDS = (*OVERRIDABLE, SHADOW)


@admin.register(LimitOverride)
class LimitOverrideAdmin(ModelAdmin):
    """One row and one form a policy; staff.change_limits writes, records and refuses."""

    def get_urls(self) -> list[URLPattern]:
        """Only the list and the forms: there is nothing to add or to delete."""
        site = self.admin_site
        return [
            path("", site.admin_view(self.changelist_view), name="ratelimits_limitoverride_changelist"),
            path("<str:policy>/change/", site.admin_view(self.number_view), name="ratelimits_limitoverride_change"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show every policy as it is in force."""
        self._refuse_unless(self.has_view_or_change_permission(request))
        # From the rows and not from this process, which follows changes of other instances two seconds late.
        chosen = {row.policy: row for row in LimitOverride.objects.all()}
        rows = [(policy, _in_force(name, chosen.get(name)), chosen.get(name)) for name, policy in POLICIES.items()]
        context = {**self._context(request, "Limits"), "rows": rows}
        return render(request, "ratelimits/numbers.html", context)

    def number_view(self, request: HttpRequest, policy: str) -> HttpResponse:
        """Show the form of one policy, or change its numbers."""
        if policy not in POLICIES:
            raise Http404
        may_change = self.has_change_permission(request)
        self._refuse_unless(may_change if request.method == "POST" else self.has_view_or_change_permission(request))
        chosen = LimitOverride.objects.filter(pk=policy).first() or LimitOverride(policy=policy)
        form = NumberForm(POLICIES[policy], chosen, request.POST if request.method == "POST" else None)
        if request.method == "POST" and self._change(request, policy, form):
            return redirect(_LIST)
        context = {
            **self._context(request, f"Limits of {policy}"),
            "form": form,
            "policy": POLICIES[policy],
            "chosen": chosen,
            "changed": any(getattr(chosen, name) is not None for name in _FIELDS),
            "may_change": may_change,
        }
        status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
        return render(request, "ratelimits/number.html", context, status=status)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There are as many as policies."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A policy's numbers can be given back, and the policy stays."""
        return False

    def _change(self, request: HttpRequest, policy: str, form: NumberForm) -> bool:
        """Ask the service for what the form says, or for nothing but the variables; say whether it was done."""
        if "give_back" in request.POST:
            changes: dict[str, Any] = dict.fromkeys(_FIELDS)
            done = f"The limits of {policy} are as the variables say."
        elif form.is_valid():
            changes = {name: form.cleaned_data[name] for name in _FIELDS}
            done = f"The limits of {policy} were changed."
        else:
            return False
        try:
            staff.change_limits(policy=policy, changes=changes, actor=request.user.get_username(), now=clock.now())
        except LimitsContradict as error:
            form.add_error(None, str(error))
            return False
        messages.success(request, f"{done} Every instance follows within five seconds.")
        return True

    def _context(self, request: HttpRequest, title: str) -> dict[str, Any]:
        request.current_app = self.admin_site.name  # read by Django's url tag
        return {**self.admin_site.each_context(request), "title": title, "numbers_url": _LIST}

    @staticmethod
    def _refuse_unless(allowed: bool) -> None:
        if not allowed:
            raise PermissionDenied


def _in_force(name: str, chosen: LimitOverride | None) -> dict[str, tuple[Any, bool]]:
    """Return each number that holds, and whether staff chose it."""
    said = {field: getattr(chosen, field, None) for field in _FIELDS}
    return {
        field: (getattr(POLICIES[name], field) if value is None else value, value is not None)
        for field, value in said.items()
    }
