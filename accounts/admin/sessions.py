"""Sessions in the admin: to read, and to end."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import display

from accounts import sessions
from accounts.admin.confirmation import StaffAction, carry_out
from accounts.admin.panels import ROWS, Panel, link_to, shown_time, user_panel
from accounts.admin.rank import why_spared
from accounts.events import Origin
from accounts.models import Session, User
from accounts.selectors import sessions_of
from nocturnal_project import clock
from nocturnal_project.staff_lists import CreatedFilter, StaffAdmin

_LONGEST_AGENT, _AGENT_END = 60, 30


def _end(request: HttpRequest, session: Session) -> int:
    return sessions.end_session(
        session_id=session.pk,
        user_id=session.user_id,
        reason=Session.EndReason.BY_STAFF,
        actor_id=request.user.pk,
        origin=Origin.of(request),
        now=clock.now(),
    )


END = StaffAction(
    name="end",
    verb="End",
    consequence="The devices are signed out at once. Their owners can sign in again.",
    done="Sessions ended",
    do=_end,
    spare=lambda request, session: why_spared(request, session.user, own_too=True),
)


@admin.register(Session)
class SessionAdmin(StaffAdmin):
    """Devices signed in."""

    list_display = ("user", "shown_agent", "shown_state", "created", "rotated_at", "expires_at")
    list_filter = ("end_reason", CreatedFilter)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    search_help_text = "The beginning of a user's e-mail"
    actions = ("end",)
    fields = (
        "user", "user_agent", "shown_state", "end_reason", "created_at", "rotated_at", "expires_at", "ended_at", "id",
    )  # fmt: skip
    readonly_fields = fields

    @display(description="Created", ordering="id")
    def created(self, session: Session) -> datetime:
        """Return when it was started; sorted by key, which is in that order."""
        return session.created_at

    @display(description="Device")
    def shown_agent(self, session: Session) -> str:
        """Return what the client calls itself, cut so that the other columns fit."""
        return shown_agent(session.user_agent)

    @display(description="State", label={"Signed in": "success", "Ended": "info", "Expired": "warning"})
    def shown_state(self, session: Session) -> str:
        """Return the label of the session's state."""
        return state_of(session)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Sessions are made by signing in."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        """A session's fields are facts; ending it is an action."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        """A deleted row would hide a reused token; sessions are ended instead."""
        return False

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Whoever may change users may sign them out."""
        return bool(request.user.has_perm("accounts.change_user"))

    @admin.action(description="End these sessions", permissions=["end"])
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse | None:
        """Sign the devices out."""
        return carry_out(END, self, request, queryset.select_related("user"))


def state_of(session: Session) -> str:
    """Return a session's state in a word or two."""
    if session.ended_at:
        return "Ended"
    return "Signed in" if session.expires_at > clock.now() else "Expired"


def shown_agent(user_agent: str) -> str:
    """Return a client's name for itself at a length for a table, cut in the middle: browsers end with who they are."""
    name = user_agent or "Unknown"
    if len(name) <= _LONGEST_AGENT:
        return name
    return f"{name[: _LONGEST_AGENT - _AGENT_END - 1]}…{name[-_AGENT_END:]}"


@user_panel
def session_panel(request: HttpRequest, user: User) -> Panel | None:
    """Show the newest sessions on the user's page."""
    if not request.user.has_perm("accounts.view_session"):
        return None
    return Panel(
        title="Sessions",
        headers=("Device", "State", "Created", "Last used", "Ended"),
        rows=[_row(session) for session in sessions_of(user.pk)[:ROWS]],
        nothing="Never signed in.",
        link=f"{reverse('admin:accounts_session_changelist')}?{urlencode({'q': user.email})}",
        link_text="All sessions",
    )


def _row(session: Session) -> tuple[Any, ...]:
    page = reverse("admin:accounts_session_change", args=[session.pk])
    link = link_to(page, shown_agent(session.user_agent))
    ended = f"{shown_time(session.ended_at)}, {session.get_end_reason_display().lower()}" if session.ended_at else "-"
    return link, state_of(session), shown_time(session.created_at), shown_time(session.rotated_at), ended
