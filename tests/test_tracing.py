"""Traces of a real instance, received by what speaks a collector's protocol (OTLP over HTTP)."""

import gzip
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.live_server import ROOT, LiveServer, live_server
from tests.services import start

_PASSWORD = "canary-password-4Qz9"
_SOON = {"OTEL_BSP_SCHEDULE_DELAY": "200"}


@contextmanager
def _collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    received: list[ExportTraceServiceRequest] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        server.server_close()


def _visit(server: LiveServer) -> list[str]:
    """Register, upload, download by a signed URL; return what no trace may hold."""
    person = {"email": "alice@example.com", "password": _PASSWORD}
    tokens = server.ask("/api/v1/auth/register", person).body
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    form = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nmoonlit\r\n--xyz--\r\n'
    headers = bearer | {"Content-Type": "multipart/form-data; boundary=xyz"}
    upload = server.ask("/api/v1/uploads", form, headers=headers).body
    signed = server.ask(f"/api/v1/uploads/{upload['id']}/url", headers=bearer).body["url"]
    server.ask("/api/v1/me?secret=canary-query-7Yx2", headers=bearer | {"X-Request-ID": "alice-asks"})
    server.ask("/nowhere/canary-path-9Kk3")
    return [
        _PASSWORD,
        "canary-query-7Yx2",
        "canary-path-9Kk3",
        person["email"],
        upload["id"],
        *tokens["access_token"].split(".")[1:],
        tokens["refresh_token"],
        tokens["device_token"],
        signed.rpartition("X-Amz-Signature=")[2],
    ]


def test_a_request_is_one_trace_through_its_servers_and_holds_no_secret(tmp_path: Path) -> None:
    with start(mongo=1, redis=True, s3=True) as services, _collector() as (endpoint, received):
        variables = services.environment | _SOON | {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "INSTANCE_ID": "pod-7"}
        with live_server(data_dir=tmp_path / "data", variables=variables) as server:
            secrets = _visit(server)
        # What is left is sent at the clean end.
        spans = [
            span
            for each in received
            for resource in each.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    upload = next(span for span in spans if span.name == "POST api/v1/uploads")
    below = {span.name for span in spans if span.trace_id == upload.trace_id}
    assert {"PUT", "HEAD"} <= below
    assert any("insert" in name for name in below)
    service = {pair.key: pair.value.string_value for pair in received[0].resource_spans[0].resource.attributes}
    assert (service["service.name"], service["service.instance.id"]) == ("nocturnal", "pod-7")
    assert any(pair.value.string_value == "alice-asks" for span in spans for pair in span.attributes)
    told = "\n".join(map(str, received))
    assert [secret for secret in secrets if secret in told] == []


def test_a_collector_that_is_away_costs_requests_nothing(tmp_path: Path) -> None:
    variables = _SOON | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with live_server(data_dir=tmp_path / "data", variables=variables) as server:
        _visit(server)
        time.sleep(1)  # exports have failed by then

        assert server.ask("/api/v1/me").status == 401


def test_without_a_collector_no_request_passes_through_it(tmp_path: Path) -> None:
    server = LiveServer(data_dir=tmp_path / "data")
    program = "import nocturnal_project.wsgi, sys; print([m for m in sys.modules if 'opentelemetry.instrum' in m])"

    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=server.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert told.stdout.split()[-1] == "[]"
