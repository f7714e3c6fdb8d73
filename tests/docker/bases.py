"""The images that ours are made from, built here from Debian's packages, because a test asks no registry of images.

They have the names of the official ones, and are like them in what our files use, not in every byte: what a test shows
holds for our Dockerfile and compose file, not for the official images.
"""

import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

from tests.docker.engine import DockerEngine
from tests.servers.base import ServiceFailed, program

_LEFT_OUT = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "doc", "locale")]
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# As in the official image: `python` in /usr/local/bin, and the headers that a package in C is compiled with.
_PYTHON_HOOK = """set -eu
ln -s /usr/bin/python3.11 "$1/usr/local/bin/python"
ln -s python "$1/usr/local/bin/python3"
chroot "$1" sh -ec '
cd /tmp
apt-get -qq download libpython3.11-dev
dpkg-deb -x libpython3.11-dev*.deb dev
cp -r dev/usr/include/. /usr/include/
rm -rf dev *.deb
apt-get -qq purge --yes --autoremove usrmerge perl perl-modules-5.36 >/dev/null'
"""

# Every server in one image, with folders as the official images have them, for the users that docker-compose.yml names.
_SERVERS = """FROM python:3.11-slim-bookworm
RUN apt-get -qq update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends \\
    nginx-light redis-server prometheus libcurl4 busybox
RUN install -d -o 999 -g 999 /data /data/db && install -d -o 65534 -g 65534 /prometheus \\
    && ln -s /bin/busybox /usr/bin/wget
COPY mongod weed /usr/bin/
"""
# The names that docker-compose.yml has.
SERVERS = (
    *("mongo:8.0.4", "redis:7.2.7", "chrislusf/seaweedfs:4.48"),
    *("nginx:1.28-alpine", "prom/prometheus:v3.7.3"),
)


def make_python(engine: DockerEngine) -> None:
    """Make python:3.11-slim-bookworm.

    This machine's certificates go into it, and not into our Dockerfile: packages may come through a proxy of theirs.
    """
    archive = engine.folder / "python.tar"
    packages = "usr-is-merged,ca-certificates,python3.11,python3.11-venv"
    certificates = f"--customize-hook=copy-in {_CERTIFICATES} {Path(_CERTIFICATES).parent}"
    _bootstrap("bookworm", packages, archive, certificates, f"--customize-hook={_PYTHON_HOOK}")
    variables = {"PIP_CERT": _CERTIFICATES} | {k: v for k, v in os.environ.items() if k == "PIP_INDEX_URL"}
    changes = [part for name, value in variables.items() for part in ("--change", f"ENV {name}={value}")]
    engine.run("import", *changes, "--change", 'CMD ["python3"]', str(archive), "python:3.11-slim-bookworm")
    archive.unlink()


def make_servers(engine: DockerEngine) -> None:
    """Make one image with every server, on the one of Python, and give it the name of each.

    mongod and SeaweedFS are the packages' own programs, as in tests/servers; the rest is Debian's.
    """
    folder = engine.folder / "servers"
    folder.mkdir()
    (folder / "Dockerfile").write_text(_SERVERS)
    wheels = tuple(Path(place) / "fiftyone/db/bin/mongod" for place in site.getsitepackages())
    shutil.copy(program("mongod", install="make test", also=wheels), folder / "mongod")
    shutil.copy(program("weed", install="make test"), folder / "weed")
    engine.build(folder, SERVERS[0])
    for name in SERVERS[1:]:
        engine.run("tag", SERVERS[0], name)
    shutil.rmtree(folder)


def _bootstrap(release: str, packages: str, archive: Path, *options: str) -> None:
    bootstrap = program("mmdebstrap", install="apt-get install mmdebstrap")
    command = [bootstrap, "--variant=minbase", f"--include={packages}", *_LEFT_OUT, *options, release, str(archive)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise ServiceFailed(f"no base image could be made of {release}: {done.stderr[-2000:]}")
