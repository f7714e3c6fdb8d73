"""Files of all users, as a list and as a gallery: find, look, hold back, delete. Every action is a service's."""

from datetime import datetime
from typing import Any, ClassVar, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import action as page_action
from unfold.decorators import display

from accounts.admin.confirmation import StaffAction, carry_out
from nocturnal_project import clock
from nocturnal_project.errors import ServiceUnavailable
from nocturnal_project.staff_lists import CreatedFilter, StaffAdmin
from uploads import services, staff, staff_pictures
from uploads.admin.actions import DELETE, QUARANTINE, RELEASE, by
from uploads.content_types import EXTENSIONS
from uploads.models import Upload

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
    list_before_template = "uploads/admin/list_or_gallery.html"
    search_fields = ("filename", "sha256", "owner__email")
    lowered_fields = ("sha256",)
    search_help_text = "The beginning of a file name as it is written, a SHA-256, or an owner's e-mail with its @"
    actions = ("quarantine", "release", "delete_files")
    actions_detail = ("quarantine_one", "release_one")
    fields = (
        "preview", "download", "filename", "owner", "category", "content_type", "shown_size", "sha256", "shown_status",
        "key", "created_at", "id",
    )  # fmt: skip
    readonly_fields = fields

    class Media:
        css: ClassVar[Any] = {"all": ("uploads/admin.css",)}

    def get_urls(self) -> list[URLPattern]:
        """Add the gallery and the small pictures."""
        site = self.admin_site
        picture = site.admin_view(self.thumbnail_view, cacheable=True)  # it says for how long
        more = [
            path("gallery/", site.admin_view(self.gallery_view), name="uploads_upload_gallery"),
            path("<str:object_id>/thumbnail/", picture, name="uploads_upload_thumbnail"),
        ]
        return more + cast("list[URLPattern]", super().get_urls())

    def gallery_view(self, request: HttpRequest) -> HttpResponse:
        """Show the list as pictures: the same rows, search, filters and actions."""
        response: HttpResponse = self.changelist_view(request, {"is_gallery": True})
        if isinstance(response, TemplateResponse):
            response.template_name = "uploads/admin/gallery.html"
        return response

    def thumbnail_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give a small picture to staff, made when it is first asked for; of a file that is held back too."""
        upload = self.get_object(request, object_id)
        if upload is None or not self.has_view_permission(request, upload):
            raise Http404
        return staff_pictures.answer(upload)

    def get_actions(self, request: HttpRequest) -> Any:
        """Offer ours in place of Django's deletion, which takes whole tables."""
        offered = super().get_actions(request)
        offered.pop("delete_selected", None)
        return offered

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Offer what makes sense for this file."""
        upload = self.get_object(request, str(object_id))
        if upload is None or upload.status not in Upload.STORED:
            return []
        useless = "quarantine_one" if staff.is_held_back(upload) else "release_one"
        if upload.status == Upload.Status.QUARANTINED and useless == "release_one":
            useless = ""  # half held back: either way out
        offered = super().get_actions_detail(request, object_id)
        return [each for each in offered if each.method.__name__ != useless]

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
        return render_to_string("uploads/admin/picture.html", {"upload": upload, "small": True})

    @display(description="Preview")
    def preview(self, upload: Upload) -> str:
        """Return the small picture: the file itself may be of any size, and is for who wants it."""
        return render_to_string("uploads/admin/picture.html", {"upload": upload, "large": True})

    @display(description="Download")
    def download(self, upload: Upload) -> str:
        """Return a signed link that is good for five minutes."""
        url = _link(upload)
        return format_html('<a href="{}" class="text-primary-600 underline">{}</a>', url, "Signed link") if url else "-"

    @display(description="Size")
    def shown_size(self, upload: Upload) -> str:
        """Return the size for people."""
        return str(filesizeformat(upload.size_bytes))

    @display(
        description="Status",
        label={"Ready": "success", "Pending": "warning", "Rejected": "info", "Quarantined": "danger"},
    )
    def shown_status(self, upload: Upload) -> str:
        """Return the status as a label."""
        return upload.get_status_display()

    def delete_model(self, request: HttpRequest, obj: Upload) -> None:
        """Delete as the owner would."""
        staff.delete(upload=obj, by=by(request))  # False: its owner was quicker

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Files come through the API."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What a file is, its bytes say."""
        return False

    def has_act_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        """Whoever may change uploads may hold them back: there is nothing else to change."""
        return bool(request.user.has_perm("uploads.change_upload"))

    @admin.action(description="Hold back (quarantine)", permissions=["act"])
    def quarantine(self, request: HttpRequest, queryset: QuerySet[Upload]) -> HttpResponse | None:
        """Give files out no longer."""
        return carry_out(QUARANTINE, self, request, queryset)

    @admin.action(description="Release", permissions=["act"])
    def release(self, request: HttpRequest, queryset: QuerySet[Upload]) -> HttpResponse | None:
        """Give files out again."""
        return carry_out(RELEASE, self, request, queryset)

    @admin.action(description="Delete", permissions=["delete"])
    def delete_files(self, request: HttpRequest, queryset: QuerySet[Upload]) -> HttpResponse | None:
        """Delete files."""
        return carry_out(DELETE, self, request, queryset)

    @page_action(description="Hold back", url_path="quarantine", permissions=["act"])
    def quarantine_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether to hold it back."""
        return self._act_on_one(QUARANTINE, request, object_id)

    @page_action(description="Release", url_path="release", permissions=["act"])
    def release_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether to release it."""
        return self._act_on_one(RELEASE, request, object_id)

    def _act_on_one(self, action: StaffAction, request: HttpRequest, object_id: str) -> HttpResponse:
        upload = self.get_object(request, object_id)
        if upload is None:
            raise Http404
        response = carry_out(action, self, request, Upload.objects.filter(pk=upload.pk))
        return response or redirect(reverse("admin:uploads_upload_change", args=[upload.pk]))


def _link(upload: Upload) -> str:
    if upload.status != Upload.Status.READY:
        return ""
    try:
        return services.signed_url(upload=upload, seconds=_LINK_SECONDS, now=clock.now())[0]
    except ServiceUnavailable:
        return ""
