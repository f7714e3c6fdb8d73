"""A Docker engine of the tests' own: its own data, socket and process, and nothing of the machine's network changed."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.servers.base import Keeper, Process, Service, ServiceFailed, program

_PACKAGES = "apt-get install docker.io iptables mmdebstrap"
# No bridge of the engine's own, no forwarding and no rules of the firewall: what a compose file or a test makes is
# reached by Docker's own proxy, on 127.0.0.1. The pool is looked through for a network that is free on this machine.
_OPTIONS = (
    *("--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
    *("--default-address-pool", "base=172.30.0.0/16,size=24"),
)
_ENDED_WITHIN_S = 40.0  # dockerd stops its containers first, with 10 s for each at the same time


class DockerEngine(Service):
    """dockerd, and the client that talks to it."""

    def __init__(self, root: Path | None = None) -> None:
        super().__init__(root)
        self._dockerd = program("dockerd", install=_PACKAGES)
        self._docker = program("docker", install=_PACKAGES)
        self.process: Process

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which any client, compose as well, talks to this engine alone."""
        inherited = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        return inherited | {
            "DOCKER_HOST": f"unix://{self.folder}/docker.sock",
            "DOCKER_CONFIG": str(self.folder / "client"),
            "DOCKER_BUILDKIT": "0",  # its successor is a plug-in, which Debian does not bring
            "HOME": str(self.folder),
        }

    def run(self, *arguments: str, within_s: float = 60, check: bool = True) -> str:
        """Run a command of the client and return what it prints.

        Raises:
            ServiceFailed: it says that it failed; with the end of what it printed.
        """
        done = subprocess.run(
            [self._docker, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=within_s,
        )
        if check and done.returncode:
            raise ServiceFailed(f"docker {arguments[0]} failed:\n{done.stdout[-3000:]}")
        return done.stdout.strip()

    def build(self, folder: Path, tag: str, *options: str) -> None:
        """Build an image; its steps reach the packages' registries as this machine does."""
        self.run("build", "--network", "host", "--tag", tag, *options, str(folder), within_s=900)

    def inspect(self, name: str) -> dict[str, Any]:
        """Return everything that the engine knows of a container or an image."""
        [facts] = json.loads(self.run("inspect", name))
        return dict(facts)

    def close(self) -> None:
        """End it; a namespace that it leaves mounted after `--network host` would keep its folder from going."""
        namespace = self.folder / "run/netns/default" if self._keeper else None
        if namespace and namespace.exists():
            umount = program("umount", install="apt-get install mount")
            subprocess.run([umount, "--lazy", str(namespace)], check=False, capture_output=True)
        super().close()

    def _start(self, keeper: Keeper) -> None:
        if os.geteuid() != 0:
            raise ServiceFailed("dockerd needs root: run the tests of tests/docker as root, or in a container as root")
        self.process = Process(
            keeper,
            "dockerd",
            lambda _ports: [self._dockerd, *_OPTIONS, *self._places()],
            answers=self._answers,
            env=dict(os.environ),
            port=0,
            grace_s=_ENDED_WITHIN_S,
        )
        self.process.start(within_s=60)

    def _places(self) -> list[str]:
        places = {"--data-root": "data", "--exec-root": "run", "--pidfile": "docker.pid"}
        named = [part for option, name in places.items() for part in (option, str(self.folder / name))]
        return [*named, "--host", f"unix://{self.folder}/docker.sock"]

    def _answers(self) -> bool:
        return "Server Version" in self.run("info", check=False) and (self.folder / "docker.sock").exists()
