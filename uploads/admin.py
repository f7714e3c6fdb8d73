"""Uploads in the admin: find, preview, download, delete. Every action is a service's."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display

from nocturnal_project import clock
from nocturnal_project.errors import ServiceUnavailable
from uploads import services
from uploads.content_types import IMAGES
from uploads.models import Upload

_LINK_SECONDS = 300


@admin.register(Upload)
class UploadAdmin(ModelAdmin):
    """Files of all users."""

    list_display = (
        "thumbnail",
        "filename",
        "owner",
        "category",
        "content_type",
        "shown_size",
        "shown_status",
        "created_at",
    )
    list_display_links = ("thumbnail", "filename")
    list_filter = ("status", "content_type", "category", "created_at")
    list_filter_submit = True
    list_select_related = ("owner",)
    search_fields = ("filename", "sha256")
    search_help_text = "File name, SHA-256, or an owner's e-mail"
    list_per_page = 50
    show_full_result_count = False
    fields = (
        "preview", "download", "filename", "owner", "category", "content_type", "shown_size", "sha256", "status",
        "key", "created_at", "id",
    )  # fmt: skip
    readonly_fields = fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Upload], search_term: str
    ) -> tuple[QuerySet[Upload], bool]:
        """Look for the owners first: on MongoDB a search across the join would read everything."""
        if "@" in search_term:
            users = get_user_model().objects.filter(email__startswith=search_term.lower())
            return queryset.filter(owner_id__in=list(users.values_list("pk", flat=True)[:100])), False
        return super().get_search_results(request, queryset, search_term)  # type: ignore[no-any-return]  # untyped parent

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

    @display(description="Size", ordering="size_bytes")
    def shown_size(self, upload: Upload) -> str:
        """Return the size for people."""
        return str(filesizeformat(upload.size_bytes))

    @display(
        description="Status", ordering="status", label={"Ready": "success", "Pending": "warning", "Rejected": "danger"}
    )
    def shown_status(self, upload: Upload) -> str:
        """Return the status as a label."""
        return upload.get_status_display()

    def delete_model(self, request: HttpRequest, obj: Upload) -> None:
        """Delete as the owner would."""
        services.delete_upload(upload=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Upload]) -> None:
        """Delete each as the owner would."""
        for upload in queryset:
            services.delete_upload(upload=upload)

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
