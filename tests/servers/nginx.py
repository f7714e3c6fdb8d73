"""nginx with the project's own configuration, or another one, before instances on this machine."""

import http.client
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.servers.base import Keeper, Process, Service, ServiceFailed, program, wait_until

TEMPLATES = Path(__file__).parents[2] / "deploy" / "nginx"
_DRAINED_WITHIN_S = 70.0  # past the configuration's worker_shutdown_timeout


def render(template: str, **values: object) -> str:
    """Replace each @NAME@ of the template.

    Raises:
        ValueError: the template has no such placeholder.
    """
    for name, value in values.items():
        placeholder = f"@{name.upper()}@"
        if placeholder not in template:
            raise ValueError(f"the template has no {placeholder}")
        template = template.replace(placeholder, str(value))
    return template


def server_lines(pods: Sequence[int], resting: Sequence[int] = ()) -> str:
    """One upstream line an instance on this machine; those in `resting` are given no new request."""
    return "\n".join(
        f"        server 127.0.0.1:{port} max_fails=3 fail_timeout=30s{' down' if port in resting else ''};"
        for port in pods
    )


class NginxServer(Service):
    """nginx before the instances on the ports in `pods`."""

    def __init__(
        self,
        pods: Sequence[int],
        *,
        template: str | None = None,
        port: int | None = None,
        certificate: tuple[Path, Path] | None = None,
        root: Path | None = None,
    ) -> None:
        """Listen on `port` or a free one, with the project's nginx.conf unless another text is given.

        `certificate`, a PEM file and its key, adds TLS on `tls_port`.
        """
        super().__init__(root)
        self._program = program("nginx", install="apt-get install nginx-light")
        self._template = template or (TEMPLATES / "nginx.conf").read_text()
        self._fixed_port, self._certificate = port, certificate
        self._pods: tuple[Sequence[int], Sequence[int]] = (pods, ())
        self._extra_ports: list[int] = []
        self.process: Process

    @property
    def port(self) -> int:
        """Where clients come in."""
        return self.process.port

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def status_port(self) -> int:
        """Where stub_status answers."""
        return self._extra_ports[0]

    @property
    def tls_port(self) -> int:
        """Where TLS is spoken, when a certificate was given."""
        return self._extra_ports[1]

    @property
    def configuration(self) -> Path:
        """The rendered file."""
        return self.folder / "nginx.conf"

    def reload(self, pods: Sequence[int], *, resting: Sequence[int] = ()) -> None:
        """Change the instances and return when the requests that came in before have been answered.

        A client that reuses a connection at the very moment when the old workers close theirs sees it
        reset: nginx 1.22 gives no warning.
        """
        self._pods = (pods, resting)
        self._write(self.process.ports[0])
        self.check()
        old = self.workers()
        self.process.signal(signal.SIGHUP, whole_group=False)
        wait_until(
            lambda: not old & self.workers() and bool(self.workers()),
            within_s=_DRAINED_WITHIN_S,
            failure=lambda: "the old nginx workers did not end",
        )

    def check(self) -> str:
        """Return what `nginx -t` says.

        Raises:
            ServiceFailed: it finds the configuration wrong.
        """
        command = [*self._argv(), "-t"]
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        if told.returncode:
            raise ServiceFailed(f"nginx does not take its configuration: {told.stderr}")
        return told.stderr

    def _start(self, keeper: Keeper) -> None:
        self.process = Process(
            keeper, "nginx", self._command, answers=self._answers, port=self._fixed_port, grace_s=2.0
        )
        self.process.start()

    def _command(self, ports: list[int]) -> list[str]:
        self._extra_ports = self.keeper.ports.take(2)
        self._write(ports[0])
        return self._argv()

    def _argv(self) -> list[str]:
        # Root's workers would run as nobody, who cannot enter a private folder.
        user = "user root; " if os.geteuid() == 0 else ""
        return [
            *(self._program, "-p", str(self.folder), "-e", str(self.folder / "nginx.log")),
            *("-c", str(self.configuration), "-g", f"{user}daemon off;"),
        ]

    def _write(self, port: int) -> None:
        pods, resting = self._pods
        if self._certificate:
            tls = self.folder / "tls.d" / "tls.conf"
            tls.parent.mkdir(exist_ok=True)
            certificate, key = self._certificate
            values = {"tls_listen": f"127.0.0.1:{self.tls_port}", "certificate": certificate, "key": key}
            tls.write_text(render((TEMPLATES / "tls.conf").read_text(), **values))
        text = render(
            self._template,
            listen=f"127.0.0.1:{port}",
            servers=server_lines(pods, resting),
            status_port=self.status_port,
            folder=self.folder,
        )
        self.configuration.write_text(text)

    def _answers(self) -> bool:
        """Any answer will do: the instances may not be there yet."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().status > 0
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def workers(self) -> set[int]:
        """Return the ids of the processes whose parent is nginx's first."""
        workers = set()
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it ended while we looked
            if parent == self.process.pid:
                workers.add(int(stat.parent.name))
        return workers
