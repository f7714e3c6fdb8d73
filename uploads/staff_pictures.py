"""Small pictures on staff's pages: straight from the storage once they are made, and from here while they are not."""

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from nocturnal_project import clock
from nocturnal_project.errors import NocturnalError
from uploads import thumbnails
from uploads.content_types import IMAGES
from uploads.errors import NoThumbnail
from uploads.models import Upload

# As the list of a member of staff who goes back and forth; its link is good for half an hour at least.
_CACHED = "private, max-age=600"
_NONE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 120" width="160" height="120" fill="none" '
    'stroke="#8b8fa3" stroke-width="4"><rect x="50" y="38" width="60" height="44" rx="6"/>'
    '<path d="M50 74l18-18 14 14 10-10 18 18M44 90l72-60"/></svg>'
)


def url_of(upload: Upload) -> str:
    """Return where to get the small picture of a file, or nothing where there is none."""
    if upload.content_type not in IMAGES or upload.no_thumbnail or upload.status not in Upload.STORED:
        return ""
    if upload.has_thumbnail and upload.status == Upload.Status.READY:
        try:
            return thumbnails.signed_url(upload=upload, now=clock.now())[0]
        except NocturnalError:
            return ""
    return reverse("admin:uploads_upload_thumbnail", args=[upload.pk])


def answer(upload: Upload) -> HttpResponse:
    """Lead to the picture, or give it from here where the file is held back: nothing of that is stored or signed.

    Where there turns out to be none, a drawing says so, because a page shows what it asked for.

    Raises:
        UploadNotReady, NotFound, ServiceUnavailable: there is none, or not now.
    """
    try:
        return _answer(upload)
    except NoThumbnail:
        return HttpResponse(_NONE, content_type="image/svg+xml", headers={"Cache-Control": _CACHED})


def _answer(upload: Upload) -> HttpResponse:
    if upload.status == Upload.Status.QUARANTINED:
        thumbnails.require_possible(upload)
        headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
        return HttpResponse(thumbnails.picture_of(upload), content_type="image/webp", headers=headers)
    url, _ = thumbnails.signed_url(upload=upload, now=clock.now())
    response = HttpResponseRedirect(url)
    response["Cache-Control"] = _CACHED
    return response
