"""What storage is used, by whom and for what, and the quotas of users."""

import uuid
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from unfold.decorators import display

from accounts.models import User
from nocturnal_project.staff_lists import StaffAdmin
from uploads import quota, staff
from uploads.admin.actions import by
from uploads.admin.chart import Bar, bars_of_categories, bars_of_users, percent
from uploads.admin.quota_form import QuotaForm
from uploads.models import StorageUsage


@admin.register(StorageUsage)
class StorageUsageAdmin(StaffAdmin):
    """Each user's use, the largest first, below a chart."""

    form = QuotaForm
    list_display = ("owner", "used", "shown_quota", "shown_part", "changed_at")
    list_select_related = ("owner",)
    list_before_template = "uploads/admin/charts.html"
    sortable_by = ()
    search_fields = ("owner__email",)
    search_help_text = "The beginning of a user's e-mail"
    fields = ("owner", "used", "shown_part", "limit", "amount", "unit")
    readonly_fields = ("owner", "used", "shown_part")
    actions = None

    class Media:
        css: ClassVar[Any] = {"all": ("uploads/admin.css",)}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the charts above the list."""
        charts = {"users": bars_of_users(), "categories": bars_of_categories()}
        page: HttpResponse = super().changelist_view(request, {**(extra_context or {}), **charts})
        return page

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> StorageUsage | None:
        """Return a user's counter, also of one who has stored nothing yet: they may be given a quota before."""
        found: StorageUsage | None = super().get_object(request, object_id, from_field)
        if found is not None:
            return found
        try:
            user = User.objects.filter(pk=uuid.UUID(object_id)).first()
        except (ValueError, ValidationError):
            return None
        return StorageUsage(owner=user, used_bytes=quota.usage_of(user.pk).used_bytes) if user else None

    @display(description="Used")
    def used(self, usage: StorageUsage) -> str:
        """Return what is used, for people."""
        return str(filesizeformat(max(usage.used_bytes, 0)))

    @display(description="Quota")
    def shown_quota(self, usage: StorageUsage) -> str:
        """Return what may be used, and whether that is everybody's."""
        limit = quota.quota_of(usage)
        told = str(filesizeformat(limit)) if limit else "no limit"
        return told if usage.quota_bytes is None else f"{told} (their own)"

    @display(description="Of the quota")
    def shown_part(self, usage: StorageUsage) -> str:
        """Return a bar of how much of the quota is used."""
        limit = quota.quota_of(usage)
        if not limit:
            return "-"
        part = max(usage.used_bytes, 0) * 100 // limit
        bar = Bar("", self.used(usage), min(part, 100), percent(usage.used_bytes, limit), part)
        return render_to_string("uploads/admin/bar.html", {"bar": bar})

    def save_model(self, request: HttpRequest, obj: StorageUsage, form: Any, change: bool) -> None:
        """Set the quota through the service, which records it."""
        staff.set_quota(owner_id=obj.pk, quota_bytes=form.cleaned_data["quota_bytes"], by=by(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Counters are made by the first upload."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They go with their accounts."""
        return False
