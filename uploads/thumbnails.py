"""Small pictures of images: made when somebody first asks, and stored beside the files, below ``thumbnails/``.

Each has one key, made from its file's, so that instances which make it at the same time store the same bytes in the
same place, and whoever removes the file removes it without looking.
"""

import hashlib
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import IO

import structlog
from django.conf import settings

from accounts.selectors import is_active
from nocturnal_project.errors import NotFound
from uploads import images, keys, selectors, storage
from uploads.content_types import IMAGES
from uploads.errors import NoThumbnail
from uploads.models import Upload
from uploads.signing import Download, issued_at

_TYPE = "image/webp"
_NOT_AN_IMAGE, _TOO_LARGE = "not_an_image", "too_large"
# Straight to the storage come files of 5 GB; a picture within the limits of pixels is seldom larger than this.
_MOST_BYTES = 64 * 1024 * 1024
_IN_MEMORY_BYTES = 256 * 1024
_CHUNK = 1024 * 1024
_log = structlog.stdlib.get_logger("nocturnal.uploads")

_WHY = {
    _NOT_AN_IMAGE: "The file is no image.",
    _TOO_LARGE: "The image is too large to be made small.",
    images.TOO_MANY_PIXELS: "The image has too many pixels to be made small.",
    images.BROKEN: "The image cannot be decoded.",
}


def signed_url(*, upload: Upload, now: datetime) -> tuple[str, datetime]:
    """Return a URL of the small picture, and when it ends; make the picture if there is none yet.

    Raises:
        NoThumbnail: there is none of this file, and never will be.
        UploadNotReady, UploadQuarantined: there are no bytes yet, or staff hold them back.
        NotFound: the file went meanwhile.
        ServiceUnavailable: the storage failed, or too many pictures are being made.
    """
    selectors.require_ready(upload)
    require_possible(upload)
    if not upload.has_thumbnail:
        _make(upload)
    seconds = settings.SIGNED_URL_SECONDS
    issued = issued_at(upload.created_at, seconds=seconds, now=now)
    picture = Download(
        upload_id=str(upload.pk),
        key=keys.thumbnail_key(upload.key),
        content_type=_TYPE,
        disposition='inline; filename="thumbnail.webp"',
        # It never changes, and its URL is the same for as long as this.
        cache_control=f"private, max-age={seconds // 2}",
    )
    return storage.signed_url(picture, seconds=seconds, issued=issued), issued + timedelta(seconds=seconds)


def require_possible(upload: Upload) -> None:
    """Refuse a file of which there is no small picture, as far as that is known without looking at it.

    Raises:
        NoThumbnail: it is no image, or an earlier try found out.
    """
    if upload.content_type not in IMAGES:
        raise _none(_NOT_AN_IMAGE)
    if upload.no_thumbnail:
        raise _none(upload.no_thumbnail)


def picture_of(upload: Upload) -> bytes:
    """Make the small picture of a file and return it; nothing is stored.

    Raises:
        NoThumbnail: there is none; that is remembered, so that nobody can have it tried again and again.
        NotFound, ServiceUnavailable: the bytes are not there, or the storage failed.
    """
    with _remembering(upload), _bytes_of(upload) as file, images.one_at_a_time():
        return images.small_picture(file, upload.content_type)


def remove(upload: Upload) -> None:
    """Remove the small picture of a file, if there may be one.

    Raises:
        ServiceUnavailable: the storage failed.
    """
    if upload.content_type in IMAGES:  # whatever the row said: it may have been read before one was made
        storage.remove(keys.thumbnail_key(upload.key))


def forget(upload: Upload) -> None:
    """Have the small picture made again when it is asked for, because it is not there."""
    Upload.objects.filter(pk=upload.pk).update(has_thumbnail=False)


def _make(upload: Upload) -> None:
    with _remembering(upload), _bytes_of(upload) as file, images.one_at_a_time():
        # Of fifty requests at once the first makes it, and the others find it here.
        if not Upload.objects.filter(pk=upload.pk, has_thumbnail=True).exists():
            _keep(upload, images.small_picture(file, upload.content_type))


def _keep(upload: Upload, picture: bytes) -> None:
    storage.put(keys.thumbnail_key(upload.key), io.BytesIO(picture), sha256=hashlib.sha256(picture).hexdigest())
    ready = Upload.objects.filter(pk=upload.pk, status=Upload.Status.READY)
    if not is_active(upload.owner_id) or not ready.update(has_thumbnail=True):
        # Removed while its picture was made. Whoever removes a row removes the picture after it, and closing an account
        # deactivates it first: either they find this one stored, or this finds them at it.
        remove(upload)
        raise NotFound("The file is no longer there.")


@contextmanager
def _remembering(upload: Upload) -> Iterator[None]:
    try:
        yield
    except images.NotDecodable as error:
        Upload.objects.filter(pk=upload.pk).update(no_thumbnail=error.reason)
        _log.info("no thumbnail", upload=str(upload.pk), reason=error.reason)
        raise _none(error.reason) from error


def _bytes_of(upload: Upload) -> IO[bytes]:
    """Return a copy of the file on this machine, because decoders jump about in it."""
    found = storage.stored(upload.key)
    if found is None:
        raise NotFound("The file is no longer there.")
    if found.size_bytes > _MOST_BYTES:
        raise images.NotDecodable(_TOO_LARGE)
    copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  the caller closes it
    with storage.answering_for("read"), storage.read_stored(upload.key, found) as file:
        shutil.copyfileobj(file, copy, _CHUNK)
    copy.seek(0)
    return copy


def _none(reason: str) -> NoThumbnail:
    return NoThumbnail(_WHY.get(reason, ""), reason=reason)
