"""Users and sessions in the admin. No page shows or sets a password hash."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts import services, sessions
from accounts.forms import NewUserForm
from accounts.models import Session, User
from nocturnal_project import clock

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Groups of staff with the same permissions."""


@admin.register(User)
class UserAdmin(ModelAdmin):
    """Accounts: find one, deactivate it, make it staff."""

    list_display = ("email", "name", "shown_status", "is_staff", "created_at", "last_login")
    list_filter = ("is_active", "is_staff", "created_at")
    list_filter_submit = True
    search_fields = ("email", "name")
    search_help_text = "E-mail or name"
    readonly_fields = ("id", "created_at", "last_login")
    filter_horizontal = ("groups", "user_permissions")
    actions = ("deactivate", "end_sessions")
    list_per_page = 50
    show_full_result_count = False
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("email", "name", "is_active")}),
        ("Staff", {"fields": ("is_staff", "is_superuser", "groups", "user_permissions"), "classes": ["tab"]}),
        ("History", {"fields": ("id", "created_at", "last_login"), "classes": ["tab"]}),
    )
    add_fieldsets: ClassVar[Any] = ((None, {"fields": ("email", "name", "password", "is_staff")}),)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Ask for a first password only when the user is made."""
        return super().get_fieldsets(request, obj) if obj else self.add_fieldsets

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Make users with a form that hashes the password."""
        return super().get_form(request, obj, change, **(kwargs if obj else {**kwargs, "form": NewUserForm}))

    @display(description="Status", label={"Active": "success", "Deactivated": "danger"})
    def shown_status(self, user: User) -> str:
        """Return the label of the account's state."""
        return "Active" if user.is_active else "Deactivated"

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save, and end the sessions of an account that was deactivated."""
        super().save_model(request, obj, form, change)
        if change and "is_active" in form.changed_data and not obj.is_active:
            self._end_sessions([obj])

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Close the account as its owner would, with its files."""
        services.close_account(user=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Close each account."""
        for user in queryset:
            services.close_account(user=user)

    @admin.action(description="Deactivate and sign out", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Keep the accounts but let nobody in."""
        chosen = list(queryset)
        others = [user for user in chosen if user.pk != request.user.pk]
        count = sum(services.deactivate(user=user, now=clock.now()) for user in others)
        self.message_user(request, f"Deactivated {count} account(s).", messages.SUCCESS)
        if len(others) < len(chosen):
            self.message_user(request, "Your own account was left alone.", messages.WARNING)

    @admin.action(description="End all sessions", permissions=["change"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Sign the users out everywhere."""
        count = self._end_sessions(list(queryset))
        self.message_user(request, f"Ended {count} session(s).", messages.SUCCESS)

    @staticmethod
    def _end_sessions(users: list[User]) -> int:
        reason, now = Session.EndReason.BY_STAFF, clock.now()
        return sum(sessions.end_sessions_of(user_id=user.pk, reason=reason, now=now) for user in users)


@admin.register(Session)
class SessionAdmin(ModelAdmin):
    """Devices signed in: to read, and to end."""

    list_display = ("user", "user_agent", "shown_state", "created_at", "rotated_at", "expires_at")
    list_filter = ("end_reason", "created_at")
    list_filter_submit = True
    list_select_related = ("user",)
    search_fields = ("user_agent",)
    search_help_text = "A user's e-mail, or a device"
    actions = ("end",)
    list_per_page = 50
    show_full_result_count = False

    @display(description="State", label={"Signed in": "success", "Ended": "info", "Expired": "warning"})
    def shown_state(self, session: Session) -> str:
        """Return the label of the session's state."""
        if session.ended_at:
            return "Ended"
        return "Signed in" if session.expires_at > clock.now() else "Expired"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Session], search_term: str
    ) -> tuple[QuerySet[Session], bool]:
        """Look for the users first: on MongoDB a search across the join would read everything."""
        if "@" in search_term:
            owners = list(User.objects.filter(email__startswith=search_term.lower()).values_list("pk", flat=True)[:100])
            return queryset.filter(user_id__in=owners), False
        return super().get_search_results(request, queryset, search_term)  # type: ignore[no-any-return]  # untyped parent

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
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """Sign the devices out."""
        reason, now = Session.EndReason.BY_STAFF, clock.now()
        count = sum(sessions.end_session(session_id=row.pk, reason=reason, now=now) for row in queryset)
        self.message_user(request, f"Ended {count} session(s).", messages.SUCCESS)
