"""Uploads in the admin: find, preview, download, delete. Every action is a service's."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from unfold.decorators import display

from accounts.events import Kind, Origin, record
from nocturnal_project import clock
from nocturnal_project.errors import NotFound, ServiceUnavailable
from nocturnal_project.staff_lists import CreatedFilter, StaffAdmin
from uploads import services
from uploads.content_types import EXTENSIONS, IMAGES
from uploads.models import Upload
from uploads.user_panel import upload_panel

__all__ = ["UploadAdmin", "upload_panel"]

_LINK_SECONDS = 300
_LONGEST_NAME = 40


class TypeFilter(admin.SimpleListFilter):
    """Narrows by type, of those that are accepted: asking the rows for theirs would read every one."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Name the types by their usual ending."""
        return [(each, endings[0].lstrip(".").upper()) for each, endings in EXTENSIONS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Upload]) -> QuerySet[Upload]:
        """Keep the files of the type."""
        return queryset.filter(content_type=self.value()) if self.value() else queryset


@admin.register(Upload)
class UploadAdmin(StaffAdmin):
    """Files of all users."""

    list_display = (
        "thumbnail",
        "shown_name",
        "owner",
        "category",
        "content_type",
        "shown_size",
        "shown_status",
        "created",
    )
    list_display_links = ("thumbnail", "shown_name")
    list_filter = ("status", TypeFilter, CreatedFilter)
    list_select_related = ("owner",)
    search_fields = ("filename", "sha256", "owner__email")
    lowered_fields = ("sha256",)
    search_help_text = "The beginning of a file name as it is written, a SHA-256, or an owner's e-mail with its @"
    fields = (
        "preview", "download", "filename", "owner", "category", "content_type", "shown_size", "sha256", "status",
        "key", "created_at", "id",
    )  # fmt: skip
    readonly_fields = fields

    @display(description="Uploaded", ordering="id")
    def created(self, upload: Upload) -> datetime:
        """Return when it was uploaded; sorted by key, which is in that order."""
        return upload.created_at

    @display(description="Filename")
    def shown_name(self, upload: Upload) -> str:
        """Return the name, cut in the middle so that its ending shows and the other columns fit."""
        name = upload.filename
        return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 14]}…{name[-12:]}"

    @display(description="")
    def thumbnail(self, upload: Upload) -> str:
        """Return a small picture of an image, or the type's ending."""
        url = _link(upload) if upload.content_type in IMAGES else ""
        if url:
            style = "height:40px;width:40px;object-fit:cover;border-radius:6px"
            return format_html('<img src="{}" alt="" loading="lazy" style="{}">', url, style)
        return upload.key.rpartition(".")[2].upper()

    @display(description="Preview")
    def preview(self, upload: Upload) -> str:
        """Return the image itself, or a dash for what browsers should not show."""
        url = _link(upload) if upload.content_type in IMAGES else ""
        if not url:
            return "-"
        return format_html('<img src="{}" alt="{}" style="max-height:320px;max-width:100%">', url, upload.filename)

    @display(description="Download")
    def download(self, upload: Upload) -> str:
        """Return a signed link that is good for five minutes."""
        url = _link(upload)
        return format_html('<a href="{}" class="text-primary-600 underline">{}</a>', url, "Signed link") if url else "-"

    @display(description="Size")
    def shown_size(self, upload: Upload) -> str:
        """Return the size for people."""
        return str(filesizeformat(upload.size_bytes))

    @display(description="Status", label={"Ready": "success", "Pending": "warning", "Rejected": "danger"})
    def shown_status(self, upload: Upload) -> str:
        """Return the status as a label."""
        return upload.get_status_display()

    def delete_model(self, request: HttpRequest, obj: Upload) -> None:
        """Delete as the owner would."""
        with suppress(NotFound):  # its owner was quicker
            services.delete_upload(upload=obj)
            record(
                Kind.STAFF_DELETED_UPLOAD,
                user_id=obj.owner_id,
                actor_id=request.user.pk,
                origin=Origin.of(request),
                now=clock.now(),
                facts={"upload": str(obj.pk)},
            )

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Upload]) -> None:
        """Delete each as the owner would."""
        for upload in queryset:
            self.delete_model(request, upload)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Files come through the API."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What a file is, its bytes say."""
        return False


def _link(upload: Upload) -> str:
    if upload.status != Upload.Status.READY:
        return ""
    try:
        return services.signed_url(upload=upload, seconds=_LINK_SECONDS, now=clock.now())[0]
    except ServiceUnavailable:
        return ""
