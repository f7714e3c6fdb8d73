# ruff: noqa: INP001  a program by itself, for machines that have only Python
"""Make the secrets that the component generated-secrets reads: ``python3 deploy/k8s/make_secrets.py``.

Needs nothing but Python. What is there already is kept, so that running it again changes no password under a database
that knows it. EMAIL_URL is left empty, which means that mails go nowhere: write the mail server's URL into it.
"""

import base64
import os
import secrets
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "components" / "generated-secrets" / "secrets"
_MEMBERS = ",".join(f"mongodb-{number}.mongodb-service:27017" for number in range(3))
_KEYFILE_BYTES = 567  # 756 characters: the most that mongod reads is 1,024


def make(folder: Path) -> list[str]:
    """Write each secret that is missing, readable by this user alone; return their names."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []

    def keep(name: str, value: str) -> str:
        path = folder / name
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(value)
            made.append(name)
        return path.read_text(encoding="ascii")

    for name in ("SECRET_KEY", "JWT_SECRET", "REDIS_PASSWORD", "mongodb-root-password"):
        keep(name, secrets.token_urlsafe(48))
    keep("mongodb-keyfile", base64.b64encode(secrets.token_bytes(_KEYFILE_BYTES)).decode())
    password = keep("mongodb-app-password", secrets.token_urlsafe(32))
    uri = f"mongodb://nocturnal:{password}@{_MEMBERS}/nocturnal?replicaSet=nocturnal&authSource=admin"
    keep("MONGODB_URI", uri)
    keep("EMAIL_URL", "")
    return made


if __name__ == "__main__":
    names = make(FOLDER)
    sys.stdout.write(f"Made {', '.join(names)}.\n" if names else "Every secret is there already.\n")
