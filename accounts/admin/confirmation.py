"""Actions of staff: a page first that says what will happen to how many and names them, then the services."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from nocturnal_project.staff_lists import StaffAdmin

# Each one is several writes, and the names must fit on a page.
MOST_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class StaffAction:
    """An action on rows. ``done`` counts what ``do`` returns; ``spare`` says why a row is left alone, or nothing."""

    name: str
    verb: str
    consequence: str
    done: str
    do: Callable[[HttpRequest, Any], int]
    spare: Callable[[HttpRequest, Any], str]


def carry_out(
    action: StaffAction, model_admin: StaffAdmin, request: HttpRequest, rows: QuerySet[Any]
) -> HttpResponse | None:
    """Ask first, then act; say what was left alone and why. None leads back to the list."""
    chosen = list(rows[: MOST_AT_ONCE + 1])
    if len(chosen) > MOST_AT_ONCE:
        text = f"Choose at most {MOST_AT_ONCE} at once. Nothing was done."
        model_admin.message_user(request, text, messages.ERROR)
        return None
    spared = [(row, why) for row in chosen if (why := action.spare(request, row))]
    left = {row.pk for row, _ in spared}
    willing = [row for row in chosen if row.pk not in left]
    if willing and "confirmed" not in request.POST:
        return _page(action, model_admin, request, willing, spared)
    if willing:
        count = sum(action.do(request, row) for row in willing)
        model_admin.message_user(request, f"{action.done}: {count}.", messages.SUCCESS)
    for row, why in spared:
        model_admin.message_user(request, f"{row} was left alone: {why}.", messages.WARNING)
    return _back_to_one(model_admin, request, chosen)


def _page(
    action: StaffAction,
    model_admin: StaffAdmin,
    request: HttpRequest,
    willing: list[Model],
    spared: list[tuple[Model, str]],
) -> HttpResponse:
    options = model_admin.opts
    kind = options.verbose_name if len(willing) == 1 else options.verbose_name_plural
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{action.verb} {len(willing)} {kind}?",
        "opts": options,
        "media": model_admin.media,
        "action": action,
        "willing": willing,
        "spared": spared,
        "checkbox": ACTION_CHECKBOX_NAME,
        "list_url": reverse(f"admin:{options.app_label}_{options.model_name}_changelist"),
        "came_from": request.resolver_match.kwargs.get("object_id", "") if request.resolver_match else "",
    }
    return render(request, "accounts/admin/confirm_action.html", context)


def _back_to_one(model_admin: StaffAdmin, request: HttpRequest, chosen: list[Any]) -> HttpResponse | None:
    """Return the way back to the page of the one row that the action was chosen on."""
    options = model_admin.opts
    came_from = request.POST.get("came_from", "") or getattr(request.resolver_match, "kwargs", {}).get("object_id", "")
    if came_from and [str(row.pk) for row in chosen] == [came_from]:
        return redirect(f"admin:{options.app_label}_{options.model_name}_change", came_from)
    return None
