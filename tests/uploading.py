"""Clients of uploads, for tests with real servers: they send files through an instance or past it."""

import hashlib
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from tests.live_server import ROOT, LiveServer
from tests.services import S3Server

FORM_BYTES = 1_000_000  # what is larger goes in parts: two of 64 MiB are more than a test wants
VARIABLES = {
    "RATE_LIMIT_AUTH_NORMAL": "1000", "RATE_LIMIT_UPLOAD_NORMAL": "1000", "RATE_LIMIT_API_NORMAL": "10000",
    "DIRECT_FORM_BYTES": str(FORM_BYTES),
}  # fmt: skip
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Setting:
    """The product beside its storage, and somebody who is signed in."""

    server: LiveServer
    s3: S3Server | None
    files: Path
    bearer: dict[str, str] = field(default_factory=dict)

    def ask(self, path: str, body: Any = None, **more: Any) -> Any:
        """Ask below /api/v1/uploads, signed in."""
        headers = self.bearer | more.pop("headers", {})
        return self.server.ask(f"/api/v1/uploads{path}", body, headers=headers, **more)

    def presign(self, content: bytes, name: str = "moon.txt", content_type: str = "text/plain", **more: Any) -> Any:
        """Announce a file."""
        body = {"filename": name, "content_type": content_type} | facts(content) | more.pop("body", {})
        return self.ask("/presign", body, **more)

    def send(self, content: bytes, name: str = "moon.txt", **headers: str) -> Any:
        """Send a file through the instance."""
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        return self.ask("", body, headers={"Content-Type": f"multipart/form-data; boundary={boundary}", **headers})

    def manage(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a command as an operator does, with the server's configuration."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.server.environment | variables, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def left(self) -> set[str]:
        """What is stored anywhere, parts of unfinished uploads included."""
        if self.s3:
            return in_bucket(self.s3)
        return {path.relative_to(self.files).as_posix() for path in self.files.rglob("*") if path.is_file()}

    def sha256_of(self, key: str) -> str:
        """Return the hash of what is stored under a key, read past the product."""
        if self.s3:
            content = client_of(self.s3).get_object(Bucket=self.s3.bucket, Key=key)["Body"].read()
        else:
            content = (self.files / key).read_bytes()
        return hashlib.sha256(content).hexdigest()


def client_of(s3: S3Server) -> Any:
    """Return a client of the test's own, beside the product's."""
    return boto3.client(
        "s3", endpoint_url=s3.endpoint, region_name="us-east-1",
        aws_access_key_id=s3.access_key, aws_secret_access_key=s3.secret_key,
    )  # fmt: skip


def in_bucket(s3: S3Server) -> set[str]:
    """Return every key, and every one with parts."""
    client = client_of(s3)
    objects = client.list_objects_v2(Bucket=s3.bucket).get("Contents", [])
    unfinished = client.list_multipart_uploads(Bucket=s3.bucket).get("Uploads", [])
    return {each["Key"] for each in objects} | {f"{each['Key']} in parts" for each in unfinished}


def facts(content: bytes) -> dict[str, Any]:
    """Return what is announced of a file."""
    return {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def send_form(presigned: Any, content: bytes, **fields: str) -> int:
    """Send a signed form; return the status."""
    boundary = uuid.uuid4().hex
    said: Mapping[str, str] = presigned["fields"] | fields
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in said.items()
    )
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="blob"\r\n\r\n'
    body = (head + file).encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return send(presigned["url"], "POST", body, f"multipart/form-data; boundary={boundary}")


def send(url: str, method: str, body: bytes, content_type: str = "") -> int:
    """Send bytes past the instance; return the status."""
    headers = {"Content-Type": content_type} if content_type else {"Content-Type": ""}
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with closing(_DIRECT.open(request, timeout=60)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def register(server: LiveServer) -> dict[str, str]:
    """Open an account and return its credentials."""
    person = {"email": f"{uuid.uuid4()}@example.com", "password": "correct horse battery staple"}
    return {"Authorization": f"Bearer {server.ask('/api/v1/auth/register', person).body['access_token']}"}


def download(url: str) -> Any:
    """Open a signed URL; the caller closes what comes."""
    return closing(_DIRECT.open(url, timeout=30))
