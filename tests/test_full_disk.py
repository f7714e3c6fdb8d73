"""A disk of local files that is really full: a file system of 1 MB, in a mount namespace of the test's own."""

import json
import subprocess
import sys
from pathlib import Path

from tests.live_server import ROOT, LiveServer

_PROGRAM = """
import json, os, subprocess, sys, uuid
from pathlib import Path

files = Path(sys.argv[1])
files.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", files], check=True)
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


print(json.dumps([upload(2_000_000), upload(80_000)]))
"""


def test_a_full_disk_is_507_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = LiveServer(data_dir=data)
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
        ],
        cwd=ROOT,
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    too_much, fits = json.loads(ran.stdout.splitlines()[-1])
    assert too_much == {"status": 507, "code": "storage_full", "kept": [], "rows": 0}
    assert fits == {"status": 201, "code": None, "kept": [80_000], "rows": 1}
