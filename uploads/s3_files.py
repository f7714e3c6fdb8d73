"""Objects in S3: django-storages' storage with one client a process, and each file sent in one request.

django-storages makes a client a thread, and boto3's managed transfer cuts a file into parts that lie in memory on
threads of their own: ten uploads of 10 MB at once made a process grow by 168 MB. One streamed PUT keeps nothing.
"""

import base64
import hashlib
import os
import threading
from datetime import datetime
from functools import cached_property
from typing import IO, Any

import boto3
from botocore.exceptions import ClientError
from storages.backends.s3 import S3Storage

from uploads.s3_direct import DirectToS3
from uploads.s3_requests import SignedRequests
from uploads.signing import Download

_CHUNK = 256 * 1024
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})


class S3FileStorage(DirectToS3, S3Storage):
    """Private objects in one bucket. What this project asks of it goes through one client, which threads may share."""

    _making = threading.Lock()
    _resource: Any = None

    @property
    def connection(self) -> Any:
        """Return the process's boto3 resource; django-storages signs URLs by its client."""
        with self._making:
            if self._resource is None:
                self._resource = super().connection
        return self._resource

    @property
    def client(self) -> Any:
        """Return the process's client."""
        return self.connection.meta.client

    def store(self, name: str, file: IO[bytes], *, sha256: str) -> bool:
        """Send the bytes from where the file stands and tell whether S3 has what was sent.

        S3 refuses bytes that differ from the checksum that comes with them, and says the checksum of what it keeps
        (Checking object integrity, Amazon S3 User Guide). From a store that keeps none, the bytes are read again.
        """
        sent = base64.b64encode(bytes.fromhex(sha256)).decode()
        start = file.tell()
        size_bytes = file.seek(0, os.SEEK_END) - start
        file.seek(start)
        self._requests.put(name, file, size_bytes=size_bytes, sha256=sha256, headers={"x-amz-checksum-sha256": sent})
        kept = self._requests.head(name, {"x-amz-checksum-mode": "ENABLED"}).get("x-amz-checksum-sha256")
        return kept == sent if kept else self._digest(name) == sha256

    def signed_url(self, download: Download, *, seconds: int, issued: datetime) -> str:
        """Return a URL that gives out the object until ``seconds`` after ``issued``."""
        parameters = {
            "response-cache-control": download.cache_control,
            "response-content-disposition": download.disposition,
            "response-content-type": download.content_type,
        }
        return self._requests.presigned(download.key, parameters, seconds=seconds, issued=issued)

    def delete(self, name: str) -> None:
        """Remove the object; S3 says the same whether there was one."""
        self.client.delete_object(Bucket=self.bucket_name, Key=name)

    def exists(self, name: str) -> bool:
        """Tell whether the object is there."""
        try:
            self.client.head_object(Bucket=self.bucket_name, Key=name)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _MISSING:
                return False
            raise
        return True

    @cached_property
    def _requests(self) -> SignedRequests:
        return SignedRequests(self.client, self.bucket_name, boto3.Session().get_credentials())

    def _digest(self, name: str) -> str:
        hasher = hashlib.sha256()
        body = self.client.get_object(Bucket=self.bucket_name, Key=name)["Body"]
        with body:
            for chunk in body.iter_chunks(_CHUNK):
                hasher.update(chunk)
        return hasher.hexdigest()
