import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nocturnal_project.tests import run_python

PASSWORD = "canary-password-4Qz9"
CANARY_IN_QUERY = "canary-query-7Yx2"
CANARY_IN_LOCALS = "canary-local-1Wv8"

# Alice registers, stores a file, asks for its URL and downloads it; then a view breaks.
_PROGRAM = f"""
import django
django.setup()
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import path
from nocturnal_project import urls

def broken(request, number):
    password = "{CANARY_IN_LOCALS}"
    raise RuntimeError("the view is broken")

urls.urlpatterns.append(path("broken/<int:number>", broken))
call_command("migrate", verbosity=0)
client = Client(SERVER_NAME="localhost")
def post(where, body, **fields):
    return client.post("/api/v1/" + where, body, content_type="application/json", **fields)

alice = {{"email": "alice@example.com", "password": "{PASSWORD}"}}
tokens = post("auth/register", alice).json()
bearer = {{"HTTP_AUTHORIZATION": "Bearer " + tokens["access_token"]}}
client.get("/api/v1/me?secret={CANARY_IN_QUERY}", HTTP_X_REQUEST_ID="alice-asks-for-me", **bearer)
note = SimpleUploadedFile("note.txt", b"Dear diary", content_type="text/plain")
upload = client.post("/api/v1/uploads", {{"file": note}}, **bearer).json()
signed = client.get("/api/v1/uploads/" + upload["id"] + "/url", **bearer).json()["url"]
list(client.get(signed[signed.index("/files/"):]).streaming_content)
post("auth/login", alice | {{"password": "{PASSWORD}-wrong"}})
post("auth/refresh", {{"refresh_token": tokens["refresh_token"]}})
client.get("/api/health/live")
client.get("/nowhere")
client.get("/broken/7")
client.get("/api/v1/me", HTTP_HOST="evil.example.com")
print(tokens["access_token"], tokens["refresh_token"], tokens["device_token"], signed.rpartition("/")[2], upload["id"],
      tokens["user"]["id"])
"""


def scenario(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    told = run_python("-c", _PROGRAM, data_dir=folder, INSTANCE_ID="pod-7", **variables)
    assert told.returncode == 0, told.stderr
    return told


@pytest.fixture(scope="module")
def as_json(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    return scenario(tmp_path_factory.mktemp("json"), LOG_FORMAT="json")


@pytest.fixture(scope="module")
def as_console(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    return scenario(tmp_path_factory.mktemp("console"), LOG_FORMAT="console")


@pytest.fixture(scope="module")
def lines(as_json: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in as_json.stderr.splitlines()]


def requests_among(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == "request"]


def test_each_request_is_one_line_with_the_template_of_its_route(lines: list[dict[str, Any]]) -> None:
    told = [(line["method"], line["route"], line["status"]) for line in requests_among(lines)]

    assert told == [
        ("POST", "/api/v1/auth/register", 201),
        ("GET", "/api/v1/me", 200),
        ("POST", "/api/v1/uploads", 201),
        ("GET", "/api/v1/uploads/<str:pk>/url", 200),
        ("GET", "/files/<str:signed>", 200),
        ("POST", "/api/v1/auth/login", 401),
        ("POST", "/api/v1/auth/refresh", 200),
        # Not the probe: it is at debug.
        ("GET", "-", 404),
        ("GET", "/broken/<int:number>", 500),
        ("GET", "-", 400),
    ]


def test_a_line_says_when_where_how_long_how_much_and_who(
    lines: list[dict[str, Any]], as_json: subprocess.CompletedProcess[str]
) -> None:
    me = requests_among(lines)[1]

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", me.pop("time"))
    assert 0 < me.pop("ms") < 60_000
    assert me.pop("bytes") > 100
    assert me == {
        "event": "request",
        "level": "info",
        "logger": "nocturnal.request",
        "instance": "pod-7",
        "request_id": "alice-asks-for-me",
        "method": "GET",
        "route": "/api/v1/me",
        "status": 200,
        "user": as_json.stdout.split()[-1],
    }


def test_a_stranger_has_no_user_and_every_request_an_id_of_its_own(lines: list[dict[str, Any]]) -> None:
    told = requests_among(lines)

    assert told[0]["user"] is None
    assert len({line["request_id"] for line in told}) == len(told)


def test_the_lines_of_a_failure_share_the_id_of_its_request(lines: list[dict[str, Any]]) -> None:
    bug = next(line for line in lines if line["event"] == "unhandled error")
    request = next(line for line in requests_among(lines) if line["status"] == 500)

    assert (bug["level"], bug["request_id"]) == ("error", request["request_id"])


def test_a_traceback_in_json_names_places_and_no_values(lines: list[dict[str, Any]]) -> None:
    (bug,) = next(line for line in lines if line["event"] == "unhandled error")["exception"]

    assert (bug["exc_type"], bug["exc_value"]) == ("RuntimeError", "the view is broken")
    assert bug["frames"][-1]["name"] == "broken"
    assert not [frame for frame in bug["frames"] if frame.get("locals")]


def test_a_traceback_on_the_console_names_places_and_no_values(as_console: subprocess.CompletedProcess[str]) -> None:
    assert "in broken" in as_console.stderr
    assert "RuntimeError: the view is broken" in as_console.stderr


@pytest.mark.parametrize("log", ["as_json", "as_console"])
def test_no_secret_is_in_the_log(log: str, request: pytest.FixtureRequest) -> None:
    told: subprocess.CompletedProcess[str] = request.getfixturevalue(log)
    access, refresh, device, signature, upload_id, _ = told.stdout.split()

    secrets = [PASSWORD, CANARY_IN_QUERY, CANARY_IN_LOCALS, access, refresh, device, signature, upload_id]
    secrets += [token.rpartition(mark)[2] for token, mark in ((access, "."), (refresh, ":"), (signature, ":"))]

    assert "/api/v1/auth/login" in told.stderr
    assert [secret for secret in secrets if secret in told.stderr] == []
    assert "alice@example.com" not in told.stderr


def test_a_console_without_a_terminal_has_no_colours(as_console: subprocess.CompletedProcess[str]) -> None:
    assert "\x1b" not in as_console.stderr
