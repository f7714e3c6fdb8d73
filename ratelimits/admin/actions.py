"""What staff do to a subject: a page first that says what will happen, then the service, which records it."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminSelectWidget

from nocturnal_project.client_ip import client_ip
from nocturnal_project.redis import RedisAway, link
from ratelimits import staff
from ratelimits.admin.people import emails_of, look_up, shown
from ratelimits.admin.permissions import View, may_act, only_if
from ratelimits.decisions import Mode
from ratelimits.naming import NotASubject, named_subject
from ratelimits.policies import HOUR, MINUTE
from ratelimits.selectors import standings_of
from ratelimits.subjects import Subject, ip_subject

_AWAY = (
    "Redis does not answer, so nothing is sure to have happened to {title}, and nothing was recorded. "
    "Do it again when Redis is back."
)


class HoldForm(forms.Form):
    """How hard, and for how long."""

    mode = forms.ChoiceField(
        label="How",
        choices=[(Mode.BLOCKED.value, "Block: nothing passes"), (Mode.STRICT.value, "Hold to the strict limit")],
        widget=UnfoldAdminSelectWidget(),
    )
    seconds = forms.TypedChoiceField(
        label="For",
        coerce=int,
        choices=[
            (15 * MINUTE, "15 minutes"),
            (HOUR, "1 hour"),
            (6 * HOUR, "6 hours"),
            (24 * HOUR, "1 day"),
            (7 * 24 * HOUR, "7 days"),
        ],
        initial=HOUR,
        widget=UnfoldAdminSelectWidget(),
    )


class NothingToChoose(forms.Form):
    """An action that needs no more than a yes."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that staff can do to a subject; ``consequences`` are what the page promises."""

    verb: str
    button: str
    done: str
    consequences: tuple[str, ...]
    act: Callable[[Subject, str, dict[str, Any]], None]
    form: type[forms.Form] = NothingToChoose


def _lift(subject: Subject, actor: str, chosen: dict[str, Any]) -> None:
    staff.lift_holds(subject=subject, actor=actor)


def _reset(subject: Subject, actor: str, chosen: dict[str, Any]) -> None:
    staff.reset_counts(subject=subject, actor=actor)


def _hold(subject: Subject, actor: str, chosen: dict[str, Any]) -> None:
    staff.hold_subject(subject=subject, mode=Mode(chosen["mode"]), seconds=chosen["seconds"], actor=actor)


LIFT = Action(
    "Let go",
    "Let go",
    "was let go",
    (
        "A block or a strict limit ends at once, under every policy and on every instance.",
        "Its refusals and earlier blocks are forgotten: the next block, if there is one, is an hour again.",
        "What it has used of the current windows stays used.",
    ),
    _lift,
)
RESET = Action(
    "Forget the counts of",
    "Forget its counts",
    "starts anew",
    (
        "What it has used is forgotten: every limit is there for it again in full.",
        "A block or a strict limit ends at once, and its refusals and earlier blocks are forgotten.",
    ),
    _reset,
)
HOLD = Action(
    "Hold",
    "Hold",
    "is held",
    (
        "It holds under every policy and on every instance, from now on, for the time that you choose.",
        "It ends by itself, and can be lifted earlier. Earlier blocks do not make it longer.",
    ),
    _hold,
    HoldForm,
)


def page_of(action: Action) -> View:
    """Return the page of an action: GET asks, POST acts."""

    @require_http_methods(["GET", "HEAD", "POST"])
    @only_if(may_act)
    def page(request: HttpRequest) -> HttpResponse:
        subject = _named(request)
        form = action.form(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            return _carried_out(action, request, subject, form.cleaned_data)
        status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
        return render(request, "ratelimits/confirm.html", _context(action, request, subject, form), status=status)

    return page


def _named(request: HttpRequest) -> Subject:
    try:
        return named_subject((request.POST if request.method == "POST" else request.GET).get("subject", ""))
    except NotASubject as error:
        raise BadRequest(str(error)) from error


def _carried_out(action: Action, request: HttpRequest, subject: Subject, chosen: dict[str, Any]) -> HttpResponse:
    title = shown(str(subject), emails_of([str(subject)]), request).title
    actor = cast("AbstractBaseUser", request.user).get_username()
    try:
        action.act(subject, actor, chosen)
    except RedisAway:
        messages.error(request, _AWAY.format(title=title))
    else:
        messages.success(request, f"{title} {action.done}.")
    return redirect(look_up(str(subject)))


def _context(action: Action, request: HttpRequest, subject: Subject, form: forms.Form) -> dict[str, Any]:
    request.current_app = admin.site.name  # read by Django's url tag
    who = shown(str(subject), emails_of([str(subject)]), request)
    return {
        **admin.site.each_context(request),
        "title": f"{action.verb} {who.title}?",
        "action": action,
        "subject": who,
        "wider": subject.wider if action is not HOLD else (),
        "standings": [row for row in standings_of(subject) if row.held],
        "form": form,
        "back": look_up(str(subject)),
        "alone": not link.configured,
        "own": subject == ip_subject(client_ip(request)),
    }
