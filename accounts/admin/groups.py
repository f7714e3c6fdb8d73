"""Groups in the admin. Whoever could change one could give themselves every permission, so only superusers may."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.events import Kind, Origin, record
from nocturnal_project import clock
from nocturnal_project.staff_lists import StaffAdmin

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, StaffAdmin):  # type: ignore[misc]  # StaffAdmin's paginator is one of Django's
    """Groups of staff with the same permissions."""

    sortable_by = ()
    search_help_text = "The beginning of a name, as it is written"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only superusers."""
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Only superusers."""
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Only superusers."""
        return _is_superuser(request)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the permissions, and record the change."""
        super().save_related(request, form, formsets, change)
        self._record(request, form.instance, "changed" if change else "made")

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        """Delete, and record it."""
        super().delete_model(request, obj)
        self._record(request, obj, "deleted")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Group]) -> None:
        """Delete each, and record it."""
        for group in list(queryset):
            self.delete_model(request, group)

    @staticmethod
    def _record(request: HttpRequest, group: Group, reason: str) -> None:
        record(
            Kind.STAFF_CHANGED_GROUP,
            actor_id=request.user.pk,
            origin=Origin.of(request),
            now=clock.now(),
            facts={"reason": reason, "group": group.name},
        )


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)
