"""Files on this machine's disk behind the same contract as S3: private, and given out by signed URL."""

import hashlib
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, TypedDict

from django.conf import settings
from django.core import signing
from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from uploads.errors import SignedUrlInvalid

PATH = "/files/"
_signer = signing.Signer(salt="uploads.local_files")


class SignedFile(TypedDict):
    """What a signed URL says: the key, when it ends (Unix seconds), and the response's header fields."""

    key: str
    expires: int
    disposition: str
    content_type: str


class LocalFileStorage(FileSystemStorage):
    """Django's file storage, with the interface of ``s3_files.S3FileStorage``."""

    def exists(self, name: str) -> bool:
        """Tell whether the file is there.

        Raises:
            NotADirectoryError: the folder of files is none, so that nothing can be said or stored.
        """
        folder = Path(self.location)
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(self.location)
        return super().exists(name)

    def store(self, name: str, file: IO[bytes], *, sha256: str) -> bool:
        """Write the bytes from where the file stands and tell whether the disk gives the same ones back.

        Raises:
            OSError: the disk is full or cannot be written; nothing half-written is left.
        """
        try:
            stored = self.save(name, File(file))
        except OSError:
            with suppress(OSError):
                Path(self.path(name)).unlink(missing_ok=True)
            raise
        if stored != name:
            self.delete(stored)
            return False
        with self.open(name) as written:
            return hashlib.file_digest(written, "sha256").hexdigest() == sha256

    def url(self, name: str | None, parameters: dict[str, Any] | None = None, expire: int | None = None) -> str:
        """Return a URL that gives out the file until ``expire`` seconds from now."""
        fields = parameters or {}
        seconds = settings.SIGNED_URL_SECONDS if expire is None else expire
        signed = SignedFile(
            key=name or "",
            expires=int((timezone.now() + timedelta(seconds=seconds)).timestamp()),
            disposition=fields.get("ResponseContentDisposition", "attachment"),
            content_type=fields.get("ResponseContentType", "application/octet-stream"),
        )
        return f"{settings.PUBLIC_URL}{PATH}{_signer.sign_object(signed)}"


def read_signed(token: str) -> SignedFile:
    """Return what a URL of ours says.

    Raises:
        SignedUrlInvalid: it was altered, or its time is over.
    """
    try:
        signed: SignedFile = _signer.unsign_object(token)
    except (signing.BadSignature, ValueError) as error:
        raise SignedUrlInvalid from error
    if signed["expires"] <= timezone.now().timestamp():
        raise SignedUrlInvalid
    return signed
