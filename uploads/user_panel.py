"""A user's files on their page in the admin."""

from urllib.parse import urlencode

from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse

from accounts.admin.panels import ROWS, Panel, link_to, shown_time, user_panel
from accounts.models import User
from uploads import quota
from uploads.models import Upload
from uploads.selectors import uploads_of


@user_panel
def upload_panel(request: HttpRequest, user: User) -> Panel | None:
    """Show the newest files."""
    if not request.user.has_perm("uploads.view_upload"):
        return None
    return Panel(
        title="Uploads",
        headers=("File", "Category", "Size", "Status", "Uploaded"),
        rows=[_row(upload) for upload in uploads_of(user.pk)[:ROWS]],
        nothing="No files.",
        link=f"{reverse('admin:uploads_upload_changelist')}?{urlencode({'q': user.email})}",
        link_text="All files",
    )


@user_panel
def storage_panel(request: HttpRequest, user: User) -> Panel | None:
    """Show what is used, of how much."""
    if not request.user.has_perm("uploads.view_storageusage"):
        return None
    usage = quota.usage_of(user.pk)
    limit = usage.quota_bytes
    left = str(filesizeformat(max(0, limit - usage.used_bytes))) if limit else "-"
    part = f" ({usage.used_bytes * 100 // limit} %)" if limit else ""
    used = f"{filesizeformat(usage.used_bytes)}{part}"
    return Panel(
        title="Storage",
        headers=("Used", "Quota", "Left"),
        rows=[(used, str(filesizeformat(limit)) if limit else "no limit", left)],
        nothing="Nothing stored.",
        link=reverse("admin:uploads_storageusage_change", args=[user.pk]),
        link_text="Quota",
    )


def _row(upload: Upload) -> tuple[str, ...]:
    page = reverse("admin:uploads_upload_change", args=[upload.pk])
    link = link_to(page, upload.filename)
    size = str(filesizeformat(upload.size_bytes))
    return link, upload.category, size, upload.get_status_display(), shown_time(upload.created_at)
