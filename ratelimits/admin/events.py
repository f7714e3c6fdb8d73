"""What happened to whom under the limits, and what staff did about it: a list to read."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.timesince import timeuntil
from unfold.decorators import display

from nocturnal_project import clock
from nocturnal_project.staff_lists import CreatedFilter, StaffAdmin, StaffChangeList
from ratelimits.admin.people import emails_of, look_up
from ratelimits.models import LimitEvent
from ratelimits.naming import NotASubject, named_subject
from ratelimits.subjects import Kind, account_subject

_MOST = 50
_PREFIXES = tuple(f"{kind.value}:" for kind in (Kind.IP, Kind.USER, Kind.ACCOUNT))
_COLOURS = {
    "Held to the strict limit": "warning",
    "Blocked": "danger",
    "Network counted as one": "warning",
    "Held strictly by staff": "warning",
    "Blocked by staff": "danger",
    "Let go by staff": "success",
    "Counts forgotten by staff": "success",
    "Limits changed by staff": "info",
}


class EventChangeList(StaffChangeList):
    """Adds the e-mails of a page's users, in one query."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        """Read the page."""
        super().get_results(request)
        events = list(self.result_list)
        emails = emails_of(event.subject for event in events)
        for event in events:
            event.email = emails.get(event.subject, "")
        self.result_list = events


@admin.register(LimitEvent)
class LimitEventAdmin(StaffAdmin):
    """Steps up the ladder and acts of staff, newest first."""

    list_display = ("created", "shown_kind", "shown_subject", "policy", "shown_seconds", "times", "actor", "facts")
    list_filter = ("kind", CreatedFilter)
    search_fields = ("subject",)
    search_help_text = "An address or the beginning of one, a user's id, or the beginning of a user's e-mail with its @"
    fields = ("created_at", "shown_kind", "shown_subject", "policy", "shown_seconds", "times", "actor", "facts", "id")
    readonly_fields = fields

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[StaffChangeList]:
        """Return ours."""
        return EventChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Keep the newest of whom the term names whole, or those whose subject begins with it; keys first."""
        term = search_term.strip()
        if not term:
            return queryset, False
        names = self._named(request, term)
        if names:
            return queryset.filter(pk__in=self._newest(request, queryset.filter(subject__in=names))), False
        beginnings = (term,) if term.startswith(_PREFIXES) else (f"{Kind.IP.value}:{term}", f"{Kind.USER.value}:{term}")
        found = {key for beginning in beginnings for key in self._beginning(request, queryset, "subject", beginning)}
        return queryset.filter(pk__in=found), False

    def _named(self, request: HttpRequest, term: str) -> list[str]:
        """Return the subjects that a term names whole; an e-mail's are those of the users that it begins."""
        if "@" in term:
            users = self._beginning(request, get_user_model()._default_manager.all(), "email", term.lower())  # noqa: SLF001  Django's documented name
            return [*(f"{Kind.USER.value}:{key}" for key in users), str(account_subject(term))]
        try:
            return list(named_subject(term).names)
        except NotASubject:
            return []

    def _newest(self, request: HttpRequest, events: QuerySet[LimitEvent]) -> list[Any]:
        found = list(events.order_by("-id").values_list("pk", flat=True)[: _MOST + 1])
        if len(found) > _MOST:
            messages.warning(request, f"There are more than {_MOST}; the newest {_MOST} are shown.")
        return found[:_MOST]

    @display(description="When", ordering="id")
    def created(self, event: LimitEvent) -> datetime:
        """Return when it happened; sorted by key, which is in that order."""
        return event.created_at

    @display(description="What", label=_COLOURS)
    def shown_kind(self, event: LimitEvent) -> str:
        """Return what happened, as a label."""
        return event.get_kind_display()

    @display(description="Subject")
    def shown_subject(self, event: LimitEvent) -> str:
        """Return whom it happened to, with the way to where they stand now."""
        if not event.subject:
            return "-"
        email = getattr(event, "email", None) or emails_of([event.subject]).get(event.subject, "")
        title = email or event.subject.partition(":")[2]
        link = '<a href="{}" class="text-primary-600 dark:text-primary-500">{}</a>'
        return format_html(link, look_up(event.subject), title)

    @display(description="For")
    def shown_seconds(self, event: LimitEvent) -> str:
        """Return for how long at most, for people."""
        now = clock.now()
        return str(timeuntil(now + timedelta(seconds=event.seconds), now)) if event.seconds else "-"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Events happen."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What happened, happened."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They go by age, with the command that prunes them."""
        return False
