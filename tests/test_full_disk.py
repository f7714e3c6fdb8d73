"""A disk of local files that is really full: a file system of 1 MB, in a mount namespace of the test's own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.live_server import ROOT, LiveServer

_PROGRAM = """
import hashlib, json, os, subprocess, sys, uuid
from pathlib import Path

files, full = Path(sys.argv[1]), Path(sys.argv[2])
full.mkdir(exist_ok=True)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", full], check=True)
os.environ["DJANGO_SETTINGS_MODULE"] = "nocturnal_project.settings"
import django

django.setup()
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from uploads.models import Upload

client = APIClient()
host = {"HTTP_HOST": "127.0.0.1"}
person = {"email": "alice@example.com", "password": "correct horse battery staple"}
token = client.post("/api/v1/auth/register", person, **host).json()["access_token"]
client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", **host)


def upload(size):
    file = SimpleUploadedFile("a.txt", b"moonlit\\n" * (size // 8), "text/plain")
    answer = client.post("/api/v1/uploads", {"file": file}, format="multipart")
    kept = [path.stat().st_size for path in files.rglob("*") if path.is_file()]
    code = answer.json().get("code")
    return {"status": answer.status_code, "code": code, "kept": kept, "rows": Upload.objects.count()}


def send_form(size):
    content = b"moonlit\\n" * (size // 8)
    said = {"filename": "a.txt", "content_type": "text/plain", "size_bytes": len(content)}
    said["sha256"] = hashlib.sha256(content).hexdigest()
    presigned = client.post("/api/v1/uploads/presign", said, format="json").json()
    form = {**presigned["fields"], "file": SimpleUploadedFile("a.txt", content, "text/plain")}
    answer = APIClient().post("/files/", form, format="multipart", **host)
    kept = [path.stat().st_size for path in files.rglob("*") if path.is_file()]
    return {"status": answer.status_code, "code": answer.content and answer.json().get("code"), "kept": kept}


print(json.dumps([upload(2_000_000), upload(80_000), send_form(2_000_000)]))
print(json.dumps([path.name for path in full.iterdir() if path.is_file()]))
"""
_REFUSED = {"status": 507, "code": "storage_full"}


def _on_a_full_disk(data: Path, full: Path, **variables: str) -> list[Any]:
    server = LiveServer(data_dir=data, variables=variables)
    server.migrate()

    ran = subprocess.run(
        [
            "/usr/bin/unshare",
            "--user",
            "--map-root-user",
            "--mount",
            sys.executable,
            "-c",
            _PROGRAM,
            str(data / "files"),
            str(full),
        ],
        cwd=ROOT,
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()[-2:]]


def test_a_full_disk_is_507_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    (too_much, fits, by_form), _ = _on_a_full_disk(tmp_path / "data", tmp_path / "data" / "files")

    assert too_much == _REFUSED | {"kept": [], "rows": 0}
    assert fits == {"status": 201, "code": None, "kept": [80_000], "rows": 1}
    assert by_form == _REFUSED | {"kept": [80_000]}


def test_so_is_one_where_bodies_lie_while_they_are_read(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    (too_much, fits, by_form), left = _on_a_full_disk(tmp_path / "data", spool, TMPDIR=str(spool))

    assert too_much == _REFUSED | {"kept": [], "rows": 0}
    assert fits == {"status": 201, "code": None, "kept": [80_000], "rows": 1}
    assert by_form == _REFUSED | {"kept": [80_000]}
    assert left == []
