"""Taking what forms and parts send to local files, as S3 would, when there is no S3."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from nocturnal_project.api import require_bounded_body
from nocturnal_project.errors import InvalidInput, LengthRequired, NotFound
from ratelimits.throttling import exempt
from uploads import local_direct, storage
from uploads.errors import ContentMismatch
from uploads.parsers import reading

_CHUNK = 256 * 1024
_ENVELOPE_BYTES = 64 * 1024
_SIGNED = "The form or URL is signed, short-lived and for one size; with S3 these requests never reach us."


@csrf_exempt
@exempt(_SIGNED)
@require_POST
def form(request: HttpRequest) -> HttpResponse:
    """Take a file by a form that was signed for it; what is under its key is replaced."""
    receiver = _receiver()
    require_bounded_body(request, limit_bytes=settings.DIRECT_FORM_BYTES + _ENVELOPE_BYTES)
    with reading(request):
        policy = str(request.POST.get("policy", ""))
    admitted = local_direct.read_admitted(policy)
    if request.POST.get("Content-Type") != admitted["content_type"]:
        raise ContentMismatch(f"The form is for {admitted['content_type']}.")
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        raise InvalidInput.at("#/file", code="required", detail="Send the bytes as a field called file.")
    with storage.answering_for("store"):
        receiver.receive(admitted["key"], file.chunks(), size_bytes=admitted["size_bytes"])
    return HttpResponse(status=204)


def part(request: HttpRequest, signed: str) -> HttpResponse:
    """Take one part by its URL, as it is; one that is there already is replaced."""
    receiver = _receiver()
    admitted = local_direct.read_admitted(signed)
    if "CONTENT_LENGTH" not in request.META:
        raise LengthRequired
    require_bounded_body(request, limit_bytes=admitted["size_bytes"])
    with storage.answering_for("store"):
        receiver.receive(admitted["key"], _body(request), size_bytes=admitted["size_bytes"])
    return HttpResponse(status=200)


def _receiver() -> Any:
    if not isinstance(default_storage, local_direct.DirectToFiles):
        raise NotFound
    return default_storage


def _body(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(_CHUNK):
        yield chunk
