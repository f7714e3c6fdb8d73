"""Giving out local files by their signed URLs, as S3 does: whole or in part, and only when they changed."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import IO

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, parse_http_date_safe
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from nocturnal_project.errors import NotFound
from ratelimits.throttling import exempt
from uploads import local_files, receiving, selectors, storage
from uploads.errors import RangeNotSatisfiable

_CHUNK = 64 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@csrf_exempt
@exempt("The URL is signed and short-lived; with S3 these requests never reach us.")
@require_http_methods(["GET", "HEAD", "PUT"])
def signed_file(request: HttpRequest, signed: str) -> HttpResponseBase:
    """Give out a local file to whoever has its signed URL, for as long as its owner has it (RFC 9110).

    A part of a direct upload is taken by a PUT to a URL that was signed for that.
    """
    if request.method == "PUT":
        return receiving.part(request, signed)
    wanted = local_files.read_signed(signed)
    upload = selectors.downloadable(wanted["upload"])
    try:
        file = storage.open_bytes(wanted["key"])
    except FileNotFoundError as error:
        raise NotFound("The file is no longer there.") from error
    etag = f'"{upload.sha256}"' if wanted["key"] == upload.key else None
    response = _answer(request, file, etag=etag, modified=upload.created_at)
    response["Content-Type"] = wanted["content_type"]
    response["Content-Disposition"] = wanted["disposition"]
    response["Cache-Control"] = wanted.get("cache_control", "private, no-cache")  # not in links of earlier versions
    response["Accept-Ranges"] = "bytes"
    return response


def _answer(request: HttpRequest, file: IO[bytes], *, etag: str | None, modified: datetime) -> HttpResponseBase:
    last_modified = int(modified.timestamp())
    response: HttpResponseBase | None = get_conditional_response(request, etag, last_modified)
    if response is None:
        size = file.seek(0, 2)
        file.seek(0)
        try:
            part = _part(request, size, etag=etag, last_modified=last_modified)
        except RangeNotSatisfiable:
            file.close()
            raise
        response = _body(request, file, size, part)
    else:
        file.close()
    response["Last-Modified"] = http_date(last_modified)
    if etag:
        response["ETag"] = etag
    return response


def _part(request: HttpRequest, size: int, *, etag: str | None, last_modified: int) -> tuple[int, int] | None:
    """Return the first byte and the one past the last that are wanted, or None for the whole.

    Several ranges, and what is no range, are answered with the whole (RFC 9110, 14.2).

    Raises:
        RangeNotSatisfiable: none of the bytes wanted are there.
    """
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    if not match or request.method != "GET" or match.groups() == ("", ""):
        return None
    condition = request.headers.get("If-Range", "")
    if condition and condition != etag and parse_http_date_safe(condition) != last_modified:
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    return start, end


def _body(request: HttpRequest, file: IO[bytes], size: int, part: tuple[int, int] | None) -> HttpResponseBase:
    if request.method == "HEAD":
        file.close()
        return HttpResponse(headers={"Content-Length": str(size)})
    if part is None:
        return FileResponse(file)
    start, end = part
    file.seek(start)
    headers = {"Content-Range": f"bytes {start}-{end - 1}/{size}", "Content-Length": str(end - start)}
    response = StreamingHttpResponse(_chunks(file, end - start), status=206, headers=headers)
    response._resource_closers.append(file.close)  # type: ignore[attr-defined]  # noqa: SLF001  as FileResponse does
    return response


def _chunks(file: IO[bytes], length: int) -> Iterator[bytes]:
    while length and (chunk := file.read(min(_CHUNK, length))):
        length -= len(chunk)
        yield chunk
