"""Files on this machine's disk behind the same contract as S3: private, and given out by signed URL."""

from datetime import timedelta
from pathlib import Path
from typing import Any, TypedDict

from django.conf import settings
from django.core import signing
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
    """Django's file storage, with django-storages' S3 signature of ``url``."""

    def exists(self, name: str) -> bool:
        """Tell whether the file is there.

        Raises:
            NotADirectoryError: the folder of files is none, so that nothing can be said or stored.
        """
        folder = Path(self.location)
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(self.location)
        return super().exists(name)

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
