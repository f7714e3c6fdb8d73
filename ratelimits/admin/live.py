"""The limits page: who is held now and why, what was decided in the last hour, and where one subject stands."""

from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from nocturnal_project import clock
from nocturnal_project.instances import live_instances
from nocturnal_project.redis import link
from ratelimits import tally
from ratelimits.admin.chart import charts
from ratelimits.admin.people import Shown, emails_of, shown
from ratelimits.admin.permissions import may_act, may_see, may_see_numbers, only_if
from ratelimits.naming import NotASubject, named_subject
from ratelimits.selectors import PolicyStanding, held_subjects, standings_of, standings_of_user
from ratelimits.subjects import Kind, account_subject

# A page of people can be read; what is beyond it ends earlier.
_MOST_HELD = 100
_LONGEST_QUESTION = 254


class Store(NamedTuple):
    """Where the limits are counted now."""

    state: str
    colour: str
    explanation: str
    instances: tuple[str, ...]


class Row(NamedTuple):
    """A subject and where it stands."""

    subject: Shown
    standings: tuple[PolicyStanding, ...]

    @property
    def first(self) -> PolicyStanding:
        """The hardest of its standings."""
        return self.standings[0]


class Answer(NamedTuple):
    """What the search found. ``also`` are names that act together with the one asked for."""

    question: str
    row: Row | None = None
    wider: tuple[str, ...] = ()
    tries: str = ""
    complaint: str = ""


@require_safe
@only_if(may_see)
def page(request: HttpRequest) -> HttpResponse:
    """Show everything."""
    request.current_app = admin.site.name  # read by Django's url tag
    context = {**admin.site.each_context(request), "title": "Rate limits", **_content(request)}
    return render(request, "ratelimits/live.html", context)


@require_safe
@only_if(may_see)
def part(request: HttpRequest) -> HttpResponse:
    """Show the part that changes, for the page's script."""
    return render(request, "ratelimits/live_part.html", _content(request))


def _content(request: HttpRequest) -> dict[str, Any]:
    question = request.GET.get("q", "").strip()[:_LONGEST_QUESTION]
    held = held_subjects(_MOST_HELD)
    emails = emails_of(row.subject for row in held)
    decisions = tally.last_hour()
    return {
        "question": question,
        "answer": _answer(question, request) if question else None,
        "held": [Row(shown(row.subject, emails, request), row.standings) for row in held],
        "most": _MOST_HELD,
        "charts": charts(decisions),
        "store": _store(),  # last, because asking Redis is what finds out whether it is there
        "now": clock.now(),
        "may_act": may_act(request),
        "may_see_numbers": may_see_numbers(request),
    }


def _answer(question: str, request: HttpRequest) -> Answer:
    """Say where a subject stands under every policy, held or not."""
    name = question
    if "@" in question:
        people = get_user_model()._default_manager  # noqa: SLF001  Django's documented name
        key = people.filter(email=question.lower()).values_list("pk", flat=True).first()
        if key is None:
            return Answer(question, complaint="No account has this e-mail.")
        name = f"{Kind.USER.value}:{key}"
    try:
        subject = named_subject(name)
    except NotASubject as error:
        return Answer(question, complaint=str(error))
    emails = emails_of([str(subject)])
    email = emails.get(str(subject), "")
    standings = standings_of_user(subject.value, email=email) if subject.kind is Kind.USER else standings_of(subject)
    tries = str(account_subject(email)) if email else ""
    return Answer(question, Row(shown(str(subject), emails, request), tuple(standings)), subject.wider, tries)


def _store() -> Store:
    instances = live_instances()
    if not link.configured:
        text = "No Redis is configured: this process counts for itself, and forgets when it ends."
        return Store("Memory of this process", "info", text, instances)
    if link.closed:
        return Store("Redis, shared", "success", "Counts are shared by all instances.", instances)
    text = (
        f"This instance ({settings.INSTANCE_ID}) counts for itself and lets 1/{len(instances)} of each limit through. "
        "Below is what it has counted; nobody can be lifted or held until Redis is back."
    )
    return Store("Redis is away: counting locally", "danger", text, instances)
