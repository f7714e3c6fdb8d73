import socket
from pathlib import Path

import pytest

from nocturnal_project.serving.options import SERVERS
from nocturnal_project.tests import PRODUCTION, run_python

SERVE = ("-m", "nocturnal_project.serve")


def test_no_server_can_load_a_half_configured_production(tmp_path: Path) -> None:
    started = run_python("-c", "import nocturnal_project.wsgi", data_dir=tmp_path, NOCTURNAL_ENV="production")

    assert started.returncode == 3  # servers give up on it, rather than start another worker for ever
    assert "Nocturnal does not start until this is mended:" in started.stderr
    for missing in ("SECRET_KEY is not set", "JWT_SECRET is not set", "ALLOWED_HOSTS must name", "set REDIS_URL"):
        assert missing in started.stderr
    assert "Traceback" not in started.stderr


@pytest.mark.parametrize("server", SERVERS)
def test_every_server_gives_up_at_once_on_a_half_configured_production(tmp_path: Path, server: str) -> None:
    variables = PRODUCTION | {"JWT_SECRET": "", "HOME": str(tmp_path), "SERVER": server}

    started = run_python(*SERVE, data_dir=tmp_path, **variables)

    assert started.returncode == 3
    assert started.stderr.count("JWT_SECRET is not set: set it, or JWT_SECRET_FILE.") == 1
    assert started.stderr.count("Nocturnal does not start until this is mended:") == 1
    assert "Traceback" not in started.stderr


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SERVER", "apache", "Set SERVER to one of: gunicorn, granian."),
        ("PORT", "http", "Set PORT to a whole number from 1 to 65535."),
        ("THREADS", "0", "Set THREADS to a whole number from 1 to 64."),
    ],
)
def test_a_variable_of_the_server_that_makes_no_sense_stops_the_start(
    tmp_path: Path, name: str, value: str, sentence: str
) -> None:
    started = run_python(*SERVE, data_dir=tmp_path, **{name: value})

    assert started.returncode == 1
    assert started.stderr == f"Nocturnal does not start until this is mended:\n  {sentence}\n"


@pytest.mark.parametrize("server", SERVERS)
def test_a_second_instance_on_the_same_port_does_not_start(tmp_path: Path, server: str) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as first:
        port = str(first.getsockname()[1])
        started = run_python(*SERVE, data_dir=tmp_path, SERVER=server, PORT=port)

    assert started.returncode == 1
    assert "in use" in started.stderr
    assert "Traceback" not in started.stderr


def test_an_override_of_a_limit_that_means_nothing_stops_the_start(tmp_path: Path) -> None:
    started = run_python("-c", "import nocturnal_project.wsgi", data_dir=tmp_path, RATE_LIMIT_AUTH_NORMAL="many")

    assert started.returncode == 3
    assert "Set RATE_LIMIT_AUTH_NORMAL to a whole number above 0, or unset it." in started.stderr


def test_a_variable_of_the_wrong_type_is_told_in_one_sentence(tmp_path: Path) -> None:
    started = run_python("-c", "import nocturnal_project.wsgi", data_dir=tmp_path, TRUSTED_PROXIES="two")

    assert started.returncode == 3
    assert "Set TRUSTED_PROXIES to a whole number from 0 to 10." in started.stderr
    assert "Traceback" not in started.stderr


def test_development_starts_with_no_variable_set_and_says_where_its_counts_are(tmp_path: Path) -> None:
    started = run_python("-c", "import nocturnal_project.wsgi", data_dir=tmp_path)

    assert started.returncode == 0, started.stderr
    for policy in ("auth", "api", "upload"):
        line = f"Rate limiter for {policy} using local store (single instance only)"
        assert started.stderr.count(line) == 1


def test_an_address_of_redis_and_sentinels_that_say_another_do_not_go_together(tmp_path: Path) -> None:
    variables = {"REDIS_URL": "redis://redis.example.com:6379/0", "REDIS_SENTINELS": "redis-1:26379"}
    started = run_python("-c", "import nocturnal_project.wsgi", data_dir=tmp_path, **variables)

    assert started.returncode == 3
    assert "Set REDIS_URL or REDIS_SENTINELS, not both" in started.stderr


def test_sentinels_are_enough_of_a_redis_for_production(tmp_path: Path) -> None:
    variables = {name: value for name, value in PRODUCTION.items() if name != "REDIS_URL"}
    checked = run_python("manage.py", "check", data_dir=tmp_path, REDIS_SENTINELS="redis-1:26379", **variables)

    assert "nocturnal.E007" not in checked.stderr
