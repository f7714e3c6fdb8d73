"""Security events in the admin: to read and to search, never to change."""

import ipaddress
import uuid
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.decorators import display
from unfold.views import ChangeList

from accounts.admin.panels import ROWS, Panel, link_to, shown_time, user_panel
from accounts.admin.sessions import shown_agent
from accounts.events import Kind, email_digest
from accounts.models import SecurityEvent, User
from accounts.selectors import emails_of, security_events_of
from nocturnal_project.staff_lists import CreatedFilter, StaffAdmin, StaffChangeList

_WORRYING = {Kind.REFRESH_TOKEN_REUSED, Kind.ACCOUNT_DEACTIVATED, Kind.ACCOUNT_CLOSED}
_REFUSED = {Kind.SIGN_IN_REFUSED, Kind.STAFF_SIGN_IN_REFUSED, Kind.PASSWORD_RESET_REQUIRED}


class EventChangeList(StaffChangeList):
    """A page of events with the e-mails of the accounts that they are about, read at once."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, then the accounts."""
        super().get_results(request)
        self.result_list: list[SecurityEvent] = list(self.result_list)
        name_accounts(self.result_list)


def name_accounts(events: list[SecurityEvent]) -> None:
    """Give each event the e-mail of its account and of the member of staff, while these exist."""
    ids = {key for event in events for key in (event.user_id, event.actor_id) if key}
    emails = emails_of(ids)
    for event in events:
        event.account = emails.get(event.user_id, "")  # type: ignore[attr-defined]  # for the list's columns
        event.actor = emails.get(event.actor_id, "")  # type: ignore[attr-defined]  # the same


@admin.register(SecurityEvent)
class SecurityEventAdmin(StaffAdmin):
    """What happened, to whom, from where."""

    list_display = ("created", "shown_kind", "details", "shown_account", "shown_actor", "address", "shown_agent")
    list_filter = ("kind", CreatedFilter)
    search_fields = ("address",)
    search_help_text = "An e-mail or its beginning with the @, the beginning of an address, or a session's or user's id"
    fields = (
        "created", "shown_kind", "details", "shown_account", "shown_actor", "address", "user_agent", "session_id",
        "request_id", "user_id", "actor_id", "id",
    )  # fmt: skip
    readonly_fields = fields

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return ours."""
        return EventChangeList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the event with the names of its accounts."""
        event = super().get_object(request, object_id, from_field)
        if event:
            name_accounts([event])
        return event

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Keep the events of an e-mail, of an id or of an address; each is a walk along an index, newest first."""
        term = search_term.strip()
        if "@" in term:
            users = self._beginning(request, User.objects.all(), "email", term.lower())
            return queryset.filter(Q(user_id__in=users) | Q(email_digest=email_digest(term))), False
        with suppress(ValueError):
            key = uuid.UUID(term)
            of_session = queryset.filter(session_id=key)
            return (of_session if of_session.exists() else queryset.filter(user_id=key)), False
        with suppress(ValueError):
            return queryset.filter(address=str(ipaddress.ip_address(term))), False
        return super().get_search_results(request, queryset, term.lower())

    @display(description="Time", ordering="id")
    def created(self, event: SecurityEvent) -> datetime:
        """Return when it happened; sorted by key, which is in that order."""
        return event.at

    @display(description="What", label={"danger": "danger", "warning": "warning", "info": "info"})
    def shown_kind(self, event: SecurityEvent) -> tuple[str, str]:
        """Return the kind as a label, coloured by how much it deserves a look."""
        colour = "danger" if event.kind in _WORRYING else "warning" if event.kind in _REFUSED else "info"
        return colour, event.get_kind_display()

    @display(description="Details")
    def details(self, event: SecurityEvent) -> str:
        """Return what is known beyond the kind."""
        return event.details or "-"

    @display(description="Account")
    def shown_account(self, event: SecurityEvent) -> str:
        """Return the account's e-mail with a link to it, or what is left to say."""
        return _link_to(event.user_id, event.account)  # type: ignore[attr-defined]  # set by name_accounts

    @display(description="By staff")
    def shown_actor(self, event: SecurityEvent) -> str:
        """Return the member of staff who did it."""
        return _link_to(event.actor_id, event.actor)  # type: ignore[attr-defined]  # set by name_accounts

    @display(description="Client")
    def shown_agent(self, event: SecurityEvent) -> str:
        """Return what the client calls itself, cut so that the other columns fit."""
        return shown_agent(event.user_agent) if event.user_agent else "-"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Events happen."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Events are facts."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody removes a trace; time does."""
        return False


def _link_to(user_id: uuid.UUID | None, email: str) -> str:
    if user_id is None:
        return "-"
    if not email:
        return "closed account"
    page = reverse("admin:accounts_user_change", args=[user_id])
    return link_to(page, email)


@user_panel
def event_panel(request: HttpRequest, user: User) -> Panel | None:
    """Show the newest events on the user's page."""
    if not request.user.has_perm("accounts.view_securityevent"):
        return None
    events = list(security_events_of(user.pk)[:ROWS])
    name_accounts(events)
    return Panel(
        title="Security events",
        headers=("Time", "What", "By staff", "Address", "Client"),
        rows=[_row(event) for event in events],
        nothing="Nothing has happened yet.",
        link=f"{reverse('admin:accounts_securityevent_changelist')}?q={user.pk}",
        link_text="All events",
    )


def _row(event: SecurityEvent) -> tuple[str, ...]:
    page = reverse("admin:accounts_securityevent_change", args=[event.pk])
    link = link_to(page, event.description)
    actor = event.actor or "-"  # type: ignore[attr-defined]  # set by name_accounts
    client = shown_agent(event.user_agent) if event.user_agent else "-"
    return shown_time(event.at), link, actor, event.address or "-", client
