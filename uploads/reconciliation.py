"""Rows and bytes that do not belong together, after a crash in between: find them, and set them right.

Every write has an order (the row first, its bytes, then ``ready``; in a deletion the row and then the bytes), so that
a crash leaves one of a few things behind. They are looked for folder by folder, ``category/day/``, with one query and
one listing for each, so that the work is in step with what there is and the memory with one day. What is younger than
the grace may still be on its way and is left alone: everything is looked at once more before it is touched.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from nocturnal_project import clock
from uploads import category_usage, keys, quota, rows, selectors, services, storage, thumbnails
from uploads.direct_storage import Listed
from uploads.models import CategoryUsage, StorageUsage, Upload

# Longer than any request, or a pod that ends, takes.
GRACE = timedelta(hours=1)


class Kind(StrEnum):
    """What is wrong."""

    WITHOUT_ROW = "bytes without a row"
    STAGED = "staged bytes that nothing waits for"
    PARTS = "parts that nothing waits for"
    UNFINISHED = "a row whose upload did not end"
    WITHOUT_BYTES = "a ready row without its bytes"
    OTHER_SIZE = "a ready row whose bytes have another size"
    FOREIGN = "something that is not ours"
    WITHOUT_PICTURE = "a small picture that is not there"
    MISCOUNTED = "a user's bytes miscounted"


# What nothing here can mend, because only a person knows whether the bytes are to be had from a backup.
UNMENDABLE = frozenset({Kind.WITHOUT_BYTES, Kind.OTHER_SIZE, Kind.FOREIGN})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, by its key (or the user's id, of a count) and what there is to say of it."""

    kind: Kind
    key: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One run: what is older than ``grace`` at ``now`` is settled, and with ``dry_run`` only told."""

    now: datetime
    grace: timedelta = GRACE
    dry_run: bool = False

    def folders(self) -> list[str]:
        """Return every folder that has rows or bytes, but the reserved ones.

        Raises:
            ServiceUnavailable: the storage did not answer.
        """
        categories = [folder for folder in storage.folders() if folder.rstrip("/") not in keys.RESERVED]
        categories += [*storage.folders(keys.THUMBNAILS), *storage.folders(keys.QUARANTINE)]
        days = {day.removeprefix(keys.THUMBNAILS) for category in categories for day in storage.folders(category)}
        return sorted(days | set(selectors.folders_of_rows()))

    def look_into(self, folder: str) -> Iterator[Finding]:
        """Settle one folder; yield what was found.

        Raises:
            ServiceUnavailable: the storage did not answer; what was settled is settled.
        """
        rows = {upload.key: upload for upload in selectors.uploads_under(folder)}
        stored = {listed.key: listed for listed in storage.files(folder)}
        for key, listed in stored.items():
            if key not in rows and self._settled(listed.written_at):
                yield from self._without_row(listed)
        yield from self._pictures(folder, rows)
        for key, upload in rows.items():
            if self._settled(upload.created_at):
                yield from self._row(upload, stored.get(key))

    def look_into_staging(self) -> Iterator[Finding]:
        """Remove staged bytes and parts that no pending upload waits for; yield what was found.

        Raises:
            ServiceUnavailable: the storage did not answer.
        """
        listed = [each for each in storage.files(keys.STAGING) if self._settled(each.written_at)]
        begun = [each for each in storage.unfinished(keys.STAGING) if self._settled(each.begun_at)]
        # Asked after the listing, so that no upload that began in between is missed.
        waited_for = selectors.awaited() if listed or begun else {}
        for each in listed:
            if each.key not in waited_for:
                yield Finding(Kind.STAGED, each.key, f"{each.size_bytes:,} bytes")
                if not self.dry_run:
                    storage.remove(each.key)
        for parts in begun:
            if waited_for.get(parts.key) != parts.multipart_id:
                yield Finding(Kind.PARTS, parts.key)
                if not self.dry_run:
                    storage.abort_parts(parts.key, parts.multipart_id)

    def recount(self) -> Iterator[Finding]:
        """Set the counters of users and categories to what rows say; yield those that were wrong.

        Those that this run itself has changed count as in use until the grace is over, and are left for a later run.
        """
        now = clock.now()  # not that of the start: with no grace, what this run changed is settled
        for usage in StorageUsage.objects.order_by("pk").iterator():
            if wrong_by := quota.recount(usage, now=now, settled_after=self.grace, dry_run=self.dry_run):
                yield Finding(Kind.MISCOUNTED, str(usage.pk), f"by {wrong_by:+,} bytes")
        for category in CategoryUsage.objects.order_by("pk").iterator():
            if category_usage.recount(category, now=now, settled_after=self.grace, dry_run=self.dry_run):
                yield Finding(Kind.MISCOUNTED, category.pk, "a category")

    def _settled(self, at: datetime) -> bool:
        return at <= self.now - self.grace

    def _without_row(self, listed: Listed) -> Iterator[Finding]:
        whole = listed.key.partition("~")[0]  # what a crash left half-written on a disk has the key and a tail
        if not keys.is_file_key(whole):
            yield Finding(Kind.FOREIGN, listed.key, f"{listed.size_bytes:,} bytes")
            return
        # A row is written before its bytes: without one now, there was none when these were listed, or it was deleted.
        if Upload.objects.filter(key=listed.key).exists():
            return
        yield Finding(Kind.WITHOUT_ROW, listed.key, f"{listed.size_bytes:,} bytes")
        if not self.dry_run:
            storage.remove(listed.key)

    def _row(self, upload: Upload, listed: Listed | None) -> Iterator[Finding]:
        match upload.status:
            case Upload.Status.READY | Upload.Status.QUARANTINED:
                yield from self._ready(upload, listed)
            case Upload.Status.REJECTED:
                if listed:
                    yield Finding(Kind.WITHOUT_ROW, upload.key, "its row says that it was rejected")
                    if not self.dry_run:
                        storage.remove(upload.key)
            case Upload.Status.PENDING:
                if not upload.staging_key:
                    yield from self._unfinished(upload)

    def _pictures(self, folder: str, rows: Mapping[str, Upload]) -> Iterator[Finding]:
        listed = {each.key: each for each in storage.files(keys.THUMBNAILS + folder)}
        for key, picture in listed.items():
            if keys.pictured(key) not in rows and self._settled(picture.written_at):
                yield Finding(Kind.WITHOUT_ROW, key, f"{picture.size_bytes:,} bytes")
                if not self.dry_run:
                    storage.remove(key)
        for upload in rows.values():
            if upload.has_thumbnail and keys.thumbnail_key(upload.key) not in listed:
                yield Finding(Kind.WITHOUT_PICTURE, upload.key, "made again when asked for")
                if not self.dry_run:
                    thumbnails.forget(upload)

    def _ready(self, upload: Upload, listed: Listed | None) -> Iterator[Finding]:
        if listed and listed.size_bytes == upload.size_bytes:
            return
        found = storage.stored(upload.key)
        if not Upload.objects.filter(pk=upload.pk).exists():
            return  # deleted since
        if found is None:
            yield Finding(Kind.WITHOUT_BYTES, upload.key, f"upload {upload.pk}")
        elif found.size_bytes != upload.size_bytes:
            yield Finding(Kind.OTHER_SIZE, upload.key, f"{found.size_bytes:,} bytes, not {upload.size_bytes:,}")

    def _unfinished(self, upload: Upload) -> Iterator[Finding]:
        """Settle what came through an instance that ended: whole bytes make it ready, anything else is removed."""
        found = storage.stored(upload.key)
        whole = (
            found is not None
            and found.size_bytes == upload.size_bytes
            and storage.digest_of(upload.key, found) == upload.sha256
        )
        yield Finding(Kind.UNFINISHED, upload.key, "all bytes are there" if whole else "its bytes are not all there")
        if self.dry_run:
            return
        if whole:
            rows.make_ready(upload)
        else:
            services.remove_pending(upload)
