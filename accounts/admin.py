"""Users and sessions in the admin. No page shows or sets a password hash."""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from accounts import admin_keys, services, sessions  # noqa: F401  importing admin_keys registers it
from accounts.forms import NewUserForm
from accounts.models import Session, User
from nocturnal_project import clock
from nocturnal_project.staff_lists import CreatedFilter, StaffAdmin

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, StaffAdmin):  # type: ignore[misc]  # StaffAdmin's paginator is one of Django's
    """Groups of staff with the same permissions."""

    sortable_by = ()
    search_help_text = "The beginning of a name, as it is written"


@admin.register(User)
class UserAdmin(StaffAdmin):
    """Accounts: find one, deactivate it, make it staff."""

    list_display = ("email", "name", "shown_status", "is_staff", "created", "last_login")
    list_filter = ("is_active", "is_staff", CreatedFilter)
    sortable_by = ("email", "created")
    search_fields = ("email", "name")
    lowered_fields = ("email",)
    search_help_text = "The beginning of an e-mail, or of a name as it is written"
    readonly_fields = ("id", "created_at", "last_login", "email_verified_at")
    autocomplete_fields = ("groups",)
    actions = ("deactivate", "end_sessions")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("email", "name", "is_active")}),
        ("Staff", {"fields": ("is_staff", "is_superuser", "groups"), "classes": ["tab"]}),
        ("History", {"fields": ("id", "created_at", "email_verified_at", "last_login"), "classes": ["tab"]}),
    )
    add_fieldsets: ClassVar[Any] = ((None, {"fields": ("email", "name", "password", "is_staff")}),)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Ask for a first password only when the user is made."""
        return super().get_fieldsets(request, obj) if obj else self.add_fieldsets

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Make users with a form that hashes the password."""
        return super().get_form(request, obj, change, **(kwargs if obj else {**kwargs, "form": NewUserForm}))

    @display(description="Created", ordering="id")
    def created(self, user: User) -> datetime:
        """Return when the account was made; sorted by key, which is in that order."""
        return user.created_at

    @display(description="Status", label={"Active": "success", "Deactivated": "danger"})
    def shown_status(self, user: User) -> str:
        """Return the label of the account's state."""
        return "Active" if user.is_active else "Deactivated"

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save, and end the sessions of an account that was deactivated. A new e-mail is not verified yet."""
        if change and "email" in form.changed_data:
            obj.email_verified_at = None
        super().save_model(request, obj, form, change)
        if change and "is_active" in form.changed_data and not obj.is_active:
            self._end_sessions([obj])

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name the accounts, and count what goes with them.

        Django's own would read and list every row of theirs, and ask for leave to delete sessions, which
        nobody has.
        """
        chosen = list(objs)
        counts = {str(User._meta.verbose_name_plural): len(chosen)}  # noqa: SLF001  Django's documented name
        for relation in User._meta.related_objects:  # noqa: SLF001  the same
            model: Any = relation.related_model
            theirs = model._base_manager.filter(**{f"{relation.field.name}__in": chosen})  # noqa: SLF001  the same
            counts[str(model._meta.verbose_name_plural)] = theirs.count()  # noqa: SLF001  the same
        return [str(user) for user in chosen], {name: count for name, count in counts.items() if count}, set(), []

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Close the account as its owner would, with its files."""
        services.close_account(user=obj, now=clock.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Close each account."""
        for user in queryset:
            services.close_account(user=user, now=clock.now())

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
class SessionAdmin(StaffAdmin):
    """Devices signed in: to read, and to end."""

    list_display = ("user", "user_agent", "shown_state", "created", "rotated_at", "expires_at")
    list_filter = ("end_reason", CreatedFilter)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    search_help_text = "The beginning of a user's e-mail"
    actions = ("end",)
    fields = (
        "user",
        "user_agent",
        "shown_state",
        "end_reason",
        "created_at",
        "rotated_at",
        "expires_at",
        "ended_at",
        "id",
    )
    readonly_fields = fields

    @display(description="Created", ordering="id")
    def created(self, session: Session) -> datetime:
        """Return when it was started; sorted by key, which is in that order."""
        return session.created_at

    @display(description="State", label={"Signed in": "success", "Ended": "info", "Expired": "warning"})
    def shown_state(self, session: Session) -> str:
        """Return the label of the session's state."""
        if session.ended_at:
            return "Ended"
        return "Signed in" if session.expires_at > clock.now() else "Expired"

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
