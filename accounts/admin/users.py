"""Users in the admin: find one, see what belongs to them, and act. No page shows or sets a password hash."""

from datetime import datetime
from typing import Any, ClassVar, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.decorators import action as page_action
from unfold.decorators import display

from accounts import services, staff_actions
from accounts.admin.confirmation import carry_out
from accounts.admin.panels import panels_of
from accounts.admin.rank import may_change, why_spared
from accounts.admin.user_actions import DEACTIVATE, END_SESSIONS, REACTIVATE, REQUIRE_PASSWORD_RESET
from accounts.events import Kind, Origin, record
from accounts.forms import ChangeUserForm, NewUserForm
from accounts.models import User
from nocturnal_project import clock
from nocturnal_project.staff_lists import CreatedFilter, StaffAdmin

# What makes someone staff, or more than that: for superusers to give.
_POWERS = ("is_staff", "is_superuser", "groups")


@admin.register(User)
class UserAdmin(StaffAdmin):
    """Accounts."""

    form = ChangeUserForm
    list_display = ("email", "name", "shown_status", "shown_role", "created", "last_login")
    list_filter = ("is_active", "is_staff", CreatedFilter)
    sortable_by = ("email", "created")
    search_fields = ("email", "name")
    lowered_fields = ("email",)
    search_help_text = "The beginning of an e-mail, or of a name as it is written"
    readonly_fields = ("id", "created_at", "email_verified_at", "last_login", "shown_status")
    autocomplete_fields = ("groups",)
    actions = ("deactivate", "reactivate", "end_sessions", "require_password_reset")
    actions_detail = ("deactivate_one", "reactivate_one", "end_sessions_of_one", "require_password_reset_of_one")
    change_form_outer_after_template = "accounts/admin/user_panels.html"
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("email", "name", "shown_status")}),
        ("Staff", {"fields": _POWERS, "classes": ["tab"]}),
        ("History", {"fields": ("id", "created_at", "email_verified_at", "last_login"), "classes": ["tab"]}),
    )
    add_fieldsets: ClassVar[Any] = ((None, {"fields": ("email", "name", "password", "is_staff")}),)

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Make users with a form that hashes the password."""
        return super().get_form(request, obj, change, **(kwargs if obj else {**kwargs, "form": NewUserForm}))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Let only superusers give powers, and nobody take or give their own."""
        own = obj is not None and obj.pk == request.user.pk
        fixed = () if request.user.is_superuser and not own else _POWERS
        return (*super().get_readonly_fields(request, obj), *fixed)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Offer what makes sense for this account."""
        user = self.get_object(request, str(object_id))
        if user is None or why_spared(request, user):
            return []
        useless = {"reactivate_one" if user.is_active else "deactivate_one"}
        if user.password_reset_required:
            useless.add("require_password_reset_of_one")
        offered = super().get_actions_detail(request, object_id)
        return [each for each in offered if each.method.__name__ not in useless]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the form with everything else that is known of the user below it."""
        user = self.get_object(request, object_id) if request.method == "GET" else None
        shown = user is not None and self.has_view_or_change_permission(request, user)
        context = {"panels": panels_of(request, user) if shown and user else []}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page

    @display(description="Created", ordering="id")
    def created(self, user: User) -> datetime:
        """Return when the account was made; sorted by key, which is in that order."""
        return user.created_at

    @display(
        description="Status", label={"Active": "success", "Must reset password": "warning", "Deactivated": "danger"}
    )
    def shown_status(self, user: User) -> str:
        """Return the label of the account's state."""
        if not user.is_active:
            return "Deactivated"
        return "Must reset password" if user.password_reset_required else "Active"

    @display(description="Role", label={"Superuser": "primary", "Staff": "info"})
    def shown_role(self, user: User) -> str:
        """Return what the account is beyond a user, or nothing."""
        return "Superuser" if user.is_superuser else "Staff" if user.is_staff else ""

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Whoever may change users, but only those below them; see ``rank``."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may_change(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Whoever may delete users, but only those below them, and not themselves."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or not why_spared(request, obj))

    def has_act_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        """Whoever may change users; each action spares whom they may not touch, and says so."""
        return bool(request.user.has_perm("accounts.change_user"))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Write what was changed through the service, and record it."""
        actor, origin, now = cast("User", request.user), Origin.of(request), clock.now()
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            staff_actions.change_account(user=obj, changes=changes, actor=actor, origin=origin, now=now)
        else:
            super().save_model(request, obj, form, change)
            record(Kind.STAFF_ADDED_USER, user_id=obj.pk, actor_id=actor.pk, origin=origin, now=now)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name the accounts, count what goes with them, and protect those that this member of staff may not touch.

        Django's own would read and list every row of theirs, and ask for leave to delete sessions, which
        nobody has.
        """
        chosen = list(objs)
        counts = {str(User._meta.verbose_name_plural): len(chosen)}  # noqa: SLF001  Django's documented name
        for relation in User._meta.related_objects:  # noqa: SLF001  the same
            model: Any = relation.related_model
            theirs = model._base_manager.filter(**{f"{relation.field.name}__in": chosen})  # noqa: SLF001  the same
            counts[str(model._meta.verbose_name_plural)] = theirs.count()  # noqa: SLF001  the same
        protected = [f"{user}: {why}" for user in chosen if (why := why_spared(request, user))]
        counted = {name: count for name, count in counts.items() if count}
        return [str(user) for user in chosen], counted, set(), protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Close the account as its owner would, with its files."""
        services.close_account(user=obj, actor=cast("User", request.user), origin=Origin.of(request), now=clock.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Close each account."""
        for user in queryset:
            self.delete_model(request, user)

    @admin.action(description="Deactivate and sign out", permissions=["act"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Keep the accounts but let nobody in."""
        return carry_out(DEACTIVATE, self, request, queryset)

    @admin.action(description="Reactivate", permissions=["act"])
    def reactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Let the owners in again."""
        return carry_out(REACTIVATE, self, request, queryset)

    @admin.action(description="End all sessions", permissions=["act"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Sign the users out everywhere."""
        return carry_out(END_SESSIONS, self, request, queryset)

    @admin.action(description="Require a password reset", permissions=["act"])
    def require_password_reset(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Let the users in again only with a new password."""
        return carry_out(REQUIRE_PASSWORD_RESET, self, request, queryset)

    @page_action(description="Deactivate", url_path="deactivate", permissions=["act"])
    def deactivate_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether to deactivate."""
        return self._act_on_one(self.deactivate, request, object_id)

    @page_action(description="Reactivate", url_path="reactivate", permissions=["act"])
    def reactivate_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether to reactivate."""
        return self._act_on_one(self.reactivate, request, object_id)

    @page_action(description="End sessions", url_path="end-sessions", permissions=["act"])
    def end_sessions_of_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether to sign the user out everywhere."""
        return self._act_on_one(self.end_sessions, request, object_id)

    @page_action(description="Require reset", url_path="require-password-reset", permissions=["act"])
    def require_password_reset_of_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether to let the user in only with a new password."""
        return self._act_on_one(self.require_password_reset, request, object_id)

    def _act_on_one(self, action: Any, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.get_object(request, object_id)
        if user is None:
            raise Http404
        response: HttpResponse | None = action(request, User.objects.filter(pk=user.pk))
        return response or redirect("admin:accounts_user_change", user.pk)
