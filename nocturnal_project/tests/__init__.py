"""Tests of what every app shares. Some look at the product from outside, as a program of its own."""

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

PRODUCTION = {
    "NOCTURNAL_ENV": "production",
    "SECRET_KEY": "a-secret-key-of-nobody-0123456789-abcdefghijkl",
    "JWT_SECRET": "another-secret-of-nobody-0123456789-abcdefghij",
    "ALLOWED_HOSTS": "api.example.com",
    "PUBLIC_URL": "https://api.example.com",
    "MONGODB_URI": "mongodb://mongodb.example.com:27017/nocturnal?replicaSet=rs0",
    "REDIS_URL": "redis://redis.example.com:6379/0",
    "USE_S3": "true",
    "S3_BUCKET": "nocturnal-files",
    "AWS_REGION": "eu-central-1",
    "EMAIL_URL": "smtp+tls://mail.example.com",
}


def run_python(*arguments: str, data_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the product with these variables and nothing of the caller's own configuration."""
    environment = {
        "PATH": os.environ["PATH"],
        "DOTENV": "",
        "DATA_DIR": str(data_dir),
        "DJANGO_SETTINGS_MODULE": "nocturnal_project.settings",
        **variables,
    }
    return subprocess.run(  # noqa: S603  our own program, with arguments that a test wrote
        [sys.executable, *arguments],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
