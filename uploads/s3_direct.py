"""Direct uploads to S3: signed forms and parts, and what S3 does with objects by itself."""

import base64
import io
from collections.abc import Iterator
from typing import IO, Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from uploads.direct_storage import Announced, Form, Listed, Stored, Unfinished

_MISSING = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload"})
_BLOCK_BYTES = 4 * 1024 * 1024
# Copied by S3 in pieces above this, each well within the time that one answer may take.
_COPY = TransferConfig(multipart_threshold=64 * 1024 * 1024, multipart_chunksize=64 * 1024 * 1024, max_concurrency=4)


class DirectToS3:
    """The direct half of ``s3_files.S3FileStorage``."""

    bucket_name: str
    client: Any

    def signed_form(self, announced: Announced, *, seconds: int) -> Form:
        """Return a form whose policy admits one key, one type, one size and one checksum.

        S3 compares the bytes with the checksum while they come in (POST policy, Amazon S3 API Reference).
        """
        fields = {
            "Content-Type": announced.content_type,
            "x-amz-checksum-algorithm": "SHA256",
            "x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(announced.sha256)).decode(),
        }
        exactly: list[Any] = [{name: value} for name, value in fields.items()]
        exactly.append(["content-length-range", announced.size_bytes, announced.size_bytes])
        signed = self.client.generate_presigned_post(
            self.bucket_name, announced.key, Fields=fields, Conditions=exactly, ExpiresIn=seconds
        )
        return Form(signed["url"], signed["fields"])

    def begin_parts(self, announced: Announced) -> str:
        """Begin a multipart upload and return S3's name for it."""
        begun = self.client.create_multipart_upload(
            Bucket=self.bucket_name, Key=announced.key, ContentType=announced.content_type
        )
        return str(begun["UploadId"])

    def signed_part(self, key: str, multipart_id: str, *, number: int, size_bytes: int, seconds: int) -> str:
        """Return a URL to PUT one part to, of exactly this size."""
        parameters = {
            "Bucket": self.bucket_name,
            "Key": key,
            "UploadId": multipart_id,
            "PartNumber": number,
            "ContentLength": size_bytes,
        }
        return str(self.client.generate_presigned_url("upload_part", Params=parameters, ExpiresIn=seconds))

    def stored_parts(self, key: str, multipart_id: str) -> dict[int, int]:
        """Return the size of each part that is there, by its number; nothing when S3 no longer knows the upload."""
        return {part["PartNumber"]: part["Size"] for part in self._parts(key, multipart_id)}

    def join_parts(self, key: str, multipart_id: str) -> None:
        """Make one object of the parts."""
        parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in self._parts(key, multipart_id)]
        self.client.complete_multipart_upload(
            Bucket=self.bucket_name, Key=key, UploadId=multipart_id, MultipartUpload={"Parts": parts}
        )

    def abort_parts(self, key: str, multipart_id: str) -> None:
        """Remove every part; removing what is not there is no error."""
        try:
            self.client.abort_multipart_upload(Bucket=self.bucket_name, Key=key, UploadId=multipart_id)
        except ClientError as error:
            if _code(error) not in _MISSING:
                raise

    def stored(self, key: str) -> Stored | None:
        """Return what is under the key, with the checksum of the whole where S3 keeps one."""
        try:
            head = self.client.head_object(Bucket=self.bucket_name, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise
        checksum = head.get("ChecksumSHA256", "")
        whole = checksum and head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT" and "-" not in checksum
        sha256 = base64.b64decode(checksum).hex() if whole else ""
        return Stored(int(head["ContentLength"]), str(head["ETag"]), sha256)

    def read_stored(self, key: str, stored: Stored) -> IO[bytes]:
        """Open the object for reading by ranges, as long as it is what it was."""
        return io.BufferedReader(_Ranges(self.client, self.bucket_name, key, stored), _BLOCK_BYTES)

    def copy_stored(self, source: str, target: str, stored: Stored) -> None:
        """Copy within S3, if the source is still what it was.

        Raises:
            ClientError: it was changed meanwhile, among others.
        """
        origin = {"Bucket": self.bucket_name, "Key": source}
        unchanged = {"CopySourceIfMatch": stored.version}
        self.client.copy(origin, self.bucket_name, target, ExtraArgs=unchanged, Config=_COPY)

    def folders(self, under: str = "") -> list[str]:
        """Return the folders directly under one, each with its ``/``."""
        return [str(each["Prefix"]) for page in self._listing(under, "/") for each in page.get("CommonPrefixes", [])]

    def files(self, folder: str) -> Iterator[Listed]:
        """List everything under a folder, however deep."""
        for page in self._listing(folder):
            for each in page.get("Contents", []):
                yield Listed(each["Key"], each["Size"], each["LastModified"])

    def unfinished(self, folder: str) -> Iterator[Unfinished]:
        """List the sets of parts under a folder that nobody joined."""
        pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket_name, Prefix=folder)
        for page in pages:
            for each in page.get("Uploads", []):
                yield Unfinished(each["Key"], each["UploadId"], each["Initiated"])

    def _listing(self, prefix: str, delimiter: str = "") -> Any:
        pages = self.client.get_paginator("list_objects_v2")
        return pages.paginate(Bucket=self.bucket_name, Prefix=prefix, Delimiter=delimiter)

    def _parts(self, key: str, multipart_id: str) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("list_parts").paginate(
            Bucket=self.bucket_name, Key=key, UploadId=multipart_id
        )
        try:
            return [part for page in pages for part in page.get("Parts", [])]
        except ClientError as error:
            if _code(error) in _MISSING:
                return []
            raise


class _Ranges(io.RawIOBase):
    """An object read by ranges, which keeps nothing; a buffer around it asks for a block at a time."""

    def __init__(self, client: Any, bucket: str, key: str, stored: Stored) -> None:
        self._client, self._bucket, self._key, self._stored = client, bucket, key, stored
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._stored.size_bytes}[whence]
        if start + offset < 0:
            raise OSError("before the start")  # as files say it, and readers of containers expect
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._stored.size_bytes)
        if self._position >= end:
            return 0
        part = self._client.get_object(
            Bucket=self._bucket, Key=self._key, IfMatch=self._stored.version, Range=f"bytes={self._position}-{end - 1}"
        )
        with part["Body"] as body:
            read: bytes = body.read()
        buffer[: len(read)] = read
        self._position += len(read)
        return len(read)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))
