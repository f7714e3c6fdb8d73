# ruff: noqa: INP001  a program by itself, for machines that have only Python
"""Make the secrets of docker-compose.yml: ``python3 deploy/docker/make_secrets.py [FOLDER]``.

Needs nothing but Python. What is there already is kept, so that running it again signs nobody out. Others on this
machine cannot enter the folder; inside it, files are readable, because containers read them as other users.
"""

import json
import os
import secrets
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "secrets"


def make(folder: Path) -> list[str]:
    """Write each secret that is missing and return the names of these."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    access, secret = secrets.token_hex(10), secrets.token_hex(20)
    key = {"accessKey": access, "secretKey": secret}
    identity = {"name": "nocturnal", "credentials": [key], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    wanted = {
        "secret_key": secrets.token_urlsafe(48),
        "jwt_secret": secrets.token_urlsafe(48),
        "redis_password": secrets.token_urlsafe(32),
        "aws_credentials": f"[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n",
        "s3_identities": json.dumps({"identities": [identity]}),
    }
    pair = ("aws_credentials", "s3_identities")  # one key, told to both sides
    kept = {name for name in wanted if (folder / name).exists()}
    if not kept.issuperset(pair):
        kept -= set(pair)
    for name in wanted.keys() - kept:
        path = folder / name
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(wanted[name])
        path.chmod(0o644)  # whatever the umask is
    return sorted(wanted.keys() - kept)


if __name__ == "__main__":
    made = make(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
    sys.stdout.write(f"Made {', '.join(made)}.\n" if made else "Every secret is there already.\n")
