"""Direct uploads to local files: the forms and parts that S3 would take, taken by this instance instead."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TypedDict

from django.conf import settings
from django.core import signing
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from uploads.direct_storage import Announced, Form, Listed, Stored, Unfinished
from uploads.errors import ContentMismatch, SignedUrlInvalid

PATH = "/files/"
_signer = signing.Signer(salt="uploads.local_direct")
_CHUNK = 1024 * 1024
# As _part makes them.
_PART = re.compile(r"(?P<key>[^.~]+)\.(?P<multipart_id>[0-9a-f]{16})\.[0-9]+")


class Admitted(TypedDict):
    """What a form or a part's URL admits: exactly so many bytes under a key, until a time in Unix seconds."""

    key: str
    size_bytes: int
    content_type: str
    sha256: str
    expires: int


class DirectToFiles(FileSystemStorage):
    """The direct half of ``local_files.LocalFileStorage``. Parts lie beside the key, each in a file of its own."""

    def signed_form(self, announced: Announced, *, seconds: int) -> Form:
        """Return a form for exactly the announced file."""
        policy = _admit(announced.key, announced.size_bytes, announced.content_type, announced.sha256, seconds)
        return Form(f"{settings.PUBLIC_URL}{PATH}", {"Content-Type": announced.content_type, "policy": policy})

    def begin_parts(self, announced: Announced) -> str:
        """Return the name of a new set of parts."""
        return os.urandom(8).hex()

    def signed_part(self, key: str, multipart_id: str, *, number: int, size_bytes: int, seconds: int) -> str:
        """Return a URL to PUT one part to, of exactly this size."""
        return f"{settings.PUBLIC_URL}{PATH}{_admit(_part(key, multipart_id, number), size_bytes, '', '', seconds)}"

    def stored_parts(self, key: str, multipart_id: str) -> dict[int, int]:
        """Return the size of each part that is there, by its number."""
        return {number: path.stat().st_size for number, path in self._parts(key, multipart_id)}

    def join_parts(self, key: str, multipart_id: str) -> None:
        """Make one file of the parts."""
        with self._writing(Path(self.path(key))) as whole:
            for _, path in sorted(self._parts(key, multipart_id)):
                with path.open("rb") as part:
                    shutil.copyfileobj(part, whole, _CHUNK)
        self.abort_parts(key, multipart_id)

    def abort_parts(self, key: str, multipart_id: str) -> None:
        """Remove every part."""
        for _, path in self._parts(key, multipart_id):
            path.unlink(missing_ok=True)

    def stored(self, key: str) -> Stored | None:
        """Return what is under the key."""
        try:
            facts = Path(self.path(key)).stat()
        except FileNotFoundError:
            return None
        return Stored(facts.st_size, f"{facts.st_ino}-{facts.st_mtime_ns}")

    def read_stored(self, key: str, stored: Stored) -> IO[bytes]:
        """Open the file for reading, if it is still what it was; a later one is another file and does not show."""
        file = open(self.path(key), "rb")  # noqa: SIM115, PTH123  the caller closes it
        facts = os.fstat(file.fileno())
        if f"{facts.st_ino}-{facts.st_mtime_ns}" != stored.version:
            file.close()
            raise FileNotFoundError(key)
        return file

    def copy_stored(self, source: str, target: str, stored: Stored) -> None:
        """Copy, if the source is still what it was."""
        with self.read_stored(source, stored) as file, self._writing(Path(self.path(target))) as copy:
            shutil.copyfileobj(file, copy, _CHUNK)

    def receive(self, key: str, chunks: Iterator[bytes], *, size_bytes: int) -> None:
        """Write what comes in under the key.

        Raises:
            ContentMismatch: it is of another size; what was there before still is.
        """
        received = 0
        with self._writing(Path(self.path(key))) as file:
            for chunk in chunks:
                received += len(chunk)
                if received > size_bytes:
                    break
                file.write(chunk)
            if received != size_bytes:
                raise ContentMismatch(f"Exactly {size_bytes:,} bytes were announced.")

    def folders(self, under: str = "") -> list[str]:
        """Return the folders directly under one, each with its ``/``."""
        here = Path(self.path(under)) if under else Path(self.location)
        if not here.is_dir():
            return []
        return sorted(f"{under}{path.name}/" for path in here.iterdir() if path.is_dir())

    def files(self, folder: str) -> Iterator[Listed]:
        """List everything under a folder, however deep; what a crash left half-written too, but no parts."""
        for key, facts in self._walk(folder):
            if not _PART.fullmatch(key):
                yield Listed(key, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))

    def unfinished(self, folder: str) -> Iterator[Unfinished]:
        """List the sets of parts under a folder that nobody joined."""
        newest: dict[tuple[str, str], float] = {}
        for key, facts in self._walk(folder):
            if part := _PART.fullmatch(key):
                begun = (part["key"], part["multipart_id"])
                newest[begun] = max(newest.get(begun, 0), facts.st_mtime)
        for (key, multipart_id), at in newest.items():
            yield Unfinished(key, multipart_id, datetime.fromtimestamp(at, UTC))

    def _walk(self, folder: str) -> Iterator[tuple[str, os.stat_result]]:
        for path in sorted(Path(self.path(folder)).rglob("*")):
            with suppress(FileNotFoundError):  # removed meanwhile
                if not path.is_dir():
                    yield path.relative_to(self.location).as_posix(), path.stat()

    def _parts(self, key: str, multipart_id: str) -> list[tuple[int, Path]]:
        whole = Path(self.path(key))
        prefix = f"{whole.name}.{multipart_id}."
        return [(int(path.name.removeprefix(prefix)), path) for path in whole.parent.glob(f"{prefix}[0-9]*")]

    @contextmanager
    def _writing(self, path: Path) -> Iterator[IO[bytes]]:
        """Write a file aside and put it in its place at the end: what is there is always whole."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=self.directory_permissions_mode or 0o700)
        aside = path.with_name(f"{path.name}~{os.urandom(6).hex()}")
        try:
            with aside.open("xb") as file:
                aside.chmod(self.file_permissions_mode or 0o600)
                yield file
            aside.replace(path)
        except BaseException:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
            raise


def read_admitted(token: str) -> Admitted:
    """Return what a form or a part's URL of ours admits.

    Raises:
        SignedUrlInvalid: it was altered, or its time is over.
    """
    try:
        admitted: Admitted = _signer.unsign_object(token)
    except (signing.BadSignature, ValueError) as error:
        raise SignedUrlInvalid from error
    if admitted["expires"] <= timezone.now().timestamp():
        raise SignedUrlInvalid
    return admitted


def _admit(key: str, size_bytes: int, content_type: str, sha256: str, seconds: int) -> str:
    admitted = Admitted(
        key=key,
        size_bytes=size_bytes,
        content_type=content_type,
        sha256=sha256,
        expires=int(timezone.now().timestamp()) + seconds,
    )
    return str(_signer.sign_object(admitted))


def _part(key: str, multipart_id: str, number: int) -> str:
    return f"{key}.{multipart_id}.{number}"
