"""Files on this machine's disk behind the same contract as S3: private, and given out by signed URL."""

import hashlib
import shutil
from datetime import datetime
from pathlib import Path
from typing import IO, TypedDict

from django.conf import settings
from django.core import signing
from django.utils import timezone

from uploads.errors import SignedUrlInvalid
from uploads.local_direct import DirectToFiles
from uploads.signing import Download

PATH = "/files/"
_signer = signing.Signer(salt="uploads.local_files")
_CHUNK = 256 * 1024


class SignedFile(TypedDict):
    """What a signed URL says: the key, when it ends (Unix seconds), and the response's header fields."""

    upload: str
    key: str
    expires: int
    disposition: str
    content_type: str
    cache_control: str


class LocalFileStorage(DirectToFiles):
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

        What was under the name is replaced, as S3 does it.

        Raises:
            OSError: the disk is full or cannot be written; nothing half-written is left.
        """
        with self._writing(Path(self.path(name))) as written:
            shutil.copyfileobj(file, written, _CHUNK)
        with self.open(name) as kept:
            return hashlib.file_digest(kept, "sha256").hexdigest() == sha256

    def signed_url(self, download: Download, *, seconds: int, issued: datetime) -> str:
        """Return a URL that gives out the file until ``seconds`` after ``issued``."""
        signed = SignedFile(
            upload=download.upload_id,
            key=download.key,
            expires=int(issued.timestamp()) + seconds,
            disposition=download.disposition,
            content_type=download.content_type,
            cache_control=download.cache_control,
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
