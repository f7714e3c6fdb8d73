import os
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from nocturnal_project.env import Environment, read_dotenv

CANARY = "hunter2-canary"


def test_unset_and_blank_variables_are_their_defaults() -> None:
    env = Environment({"BLANK": "  ", "EMPTY": ""})

    assert env.text("UNSET", "fallback") == "fallback"
    assert env.text("BLANK", "fallback") == "fallback"
    assert env.number("EMPTY", default=7) == 7
    assert env.flag("EMPTY", default=True) is True
    assert env.words("EMPTY", default=("a",)) == ["a"]
    assert env.choice("EMPTY", ("json", "console"), default="json") == "json"
    assert env.url("EMPTY", default="http://localhost:5000") == "http://localhost:5000"


def test_values_are_read_as_their_types_without_surrounding_white_space() -> None:
    env = Environment({"T": " text ", "N": " 42 ", "W": "a, b ,,c", "U": "https://example.com/"})

    assert env.text("T") == "text"
    assert env.number("N", default=0) == 42
    assert env.words("W") == ["a", "b", "c"]
    assert env.url("U") == "https://example.com"


@pytest.mark.parametrize("text", ["1", "true", "TRUE", "Yes", "on"])
def test_a_yes_is_a_yes_in_any_spelling(text: str) -> None:
    assert Environment({"F": text}).flag("F", default=False) is True


@pytest.mark.parametrize("text", ["0", "false", "FALSE", "No", "off"])
def test_a_no_is_a_no_in_any_spelling(text: str) -> None:
    assert Environment({"F": text}).flag("F", default=True) is False


def test_the_bounds_of_a_number_belong_to_it() -> None:
    env = Environment({"LOW": "1", "HIGH": "65535"})

    assert env.number("LOW", default=0, minimum=1, maximum=65535) == 1
    assert env.number("HIGH", default=0, minimum=1, maximum=65535) == 65535


@pytest.mark.parametrize("text", ["0", "65536", "-1", "1.5", "1e3", "٣", "²", "0x10", "1_000", CANARY])
def test_a_number_that_is_none_is_refused_with_its_bounds(text: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        Environment({"PORT": text}).number("PORT", default=5000, minimum=1, maximum=65535)

    assert str(caught.value) == "Set PORT to a whole number from 1 to 65535."


@pytest.mark.parametrize(
    ("read", "fix"),
    [
        (lambda env: env.flag("X", default=False), "Set X to true or false."),
        (lambda env: env.choice("X", ("json", "console"), default="json"), "Set X to one of: json, console."),
        (lambda env: env.url("X"), "Set X to a URL that begins with http:// or https://."),
        (lambda env: env.number("X", default=1), "Set X to a whole number from 0 to 2147483648."),
    ],
)
def test_a_message_says_how_to_fix_and_never_repeats_the_value(read: object, fix: str) -> None:
    assert callable(read)

    with pytest.raises(ImproperlyConfigured) as caught:
        read(Environment({"X": CANARY}))

    assert str(caught.value) == fix
    assert CANARY not in str(caught.value)


def test_a_file_wins_over_the_variable_and_its_last_newline_is_not_part_of_the_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n", encoding="utf-8")

    env = Environment({"SECRET_KEY": "from the variable", "SECRET_KEY_FILE": str(tmp_path / "secret")})

    assert env.text("SECRET_KEY") == "from the file"


def test_every_type_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("8080\n", encoding="utf-8")

    assert Environment({"PORT_FILE": str(tmp_path / "port")}).number("PORT", default=5000) == 8080


def test_a_file_that_is_missing_is_named_by_its_variable_with_two_ways_out(tmp_path: Path) -> None:
    env = Environment({"JWT_SECRET_FILE": str(tmp_path / CANARY)})

    with pytest.raises(ImproperlyConfigured, match="JWT_SECRET_FILE names a file that cannot be read") as caught:
        env.text("JWT_SECRET")

    assert "point it at" in str(caught.value)
    assert "set JWT_SECRET" in str(caught.value)
    assert CANARY not in str(caught.value)


def test_a_folder_and_a_file_that_is_not_text_are_refused_alike(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")

    for path in (tmp_path, tmp_path / "binary"):
        with pytest.raises(ImproperlyConfigured, match="X_FILE names a file that cannot be read"):
            Environment({"X_FILE": str(path)}).text("X")


def test_the_real_environment_wins_over_a_dotenv_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("NOCTURNAL_TEST_A=file\nNOCTURNAL_TEST_B=file\n", encoding="utf-8")
    monkeypatch.setenv("NOCTURNAL_TEST_A", "environment")
    monkeypatch.setenv("NOCTURNAL_TEST_B", "")  # so that it is removed afterwards
    monkeypatch.delenv("NOCTURNAL_TEST_B")

    read_dotenv(tmp_path / ".env")

    assert (os.environ["NOCTURNAL_TEST_A"], os.environ["NOCTURNAL_TEST_B"]) == ("environment", "file")


def test_no_dotenv_file_is_no_problem(tmp_path: Path) -> None:
    read_dotenv(tmp_path / "there is none")
    read_dotenv(tmp_path)


@pytest.mark.parametrize("line", ["SECRET_KEY = my-secret-value", "my-secret-value", "=my-secret-value", "\u00ff=x"])
def test_a_dotenv_line_that_is_none_stops_the_start_without_being_shown(tmp_path: Path, line: str) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"# a comment\n\nexport LOG_LEVEL=info\n{line}\n", encoding="utf-8")

    with pytest.raises(ImproperlyConfigured, match=r"^Line 4 of \.env is not NAME=value") as refusal:
        read_dotenv(dotenv)

    assert "my-secret-value" not in str(refusal.value)


def test_a_dotenv_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfeP\0")

    with pytest.raises(ImproperlyConfigured, match="UTF-8"):
        read_dotenv(tmp_path / ".env")


def test_addresses_are_hosts_with_ports_which_may_be_left_out() -> None:
    env = Environment({"A": "redis-1:26380, 10.0.0.1,[2001:db8::1]:26381"})

    assert env.addresses("A", default_port=26379) == [("redis-1", 26380), ("10.0.0.1", 26379), ("2001:db8::1", 26381)]
    assert env.addresses("UNSET", default_port=26379) == []


@pytest.mark.parametrize("text", ["host:", "host:0", "host:65536", "host:port", "redis://host:1", "a b", "2001:db8::1"])
def test_an_address_that_is_none_is_told_how_to_be_one(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="Set SENTINELS to host:port,host:port"):
        Environment({"SENTINELS": text}).addresses("SENTINELS", default_port=26379)


def test_a_scanner_is_a_host_with_its_port_or_a_path_or_none() -> None:
    for text in ("", "clamd:3310", "[::1]:3310", "/run/clamav/clamd.ctl"):
        assert Environment({"SCANNER": text}).scanner("SCANNER") == text
    for text in ("clamd", "clamd:0", "clamd:70000", "clamd.ctl", "tcp://clamd:3310"):
        with pytest.raises(ImproperlyConfigured, match="Set SCANNER to host:port"):
            Environment({"SCANNER": text}).scanner("SCANNER")


def test_a_mail_server_is_read_from_one_url() -> None:
    def read(url: str) -> dict[str, Any]:
        return Environment({"E": url}).mail_server("E")

    assert read("smtp://mail.example.com") == {"EMAIL_HOST": "mail.example.com", "EMAIL_PORT": 25}
    assert read("smtp+tls://alice:p%40ss@mail.example.com") == {
        "EMAIL_HOST": "mail.example.com",
        "EMAIL_HOST_USER": "alice",
        "EMAIL_HOST_PASSWORD": "p@ss",
        "EMAIL_USE_TLS": True,
        "EMAIL_PORT": 587,
    }
    assert read("smtps://mail.example.com") == {
        "EMAIL_HOST": "mail.example.com",
        "EMAIL_USE_SSL": True,
        "EMAIL_PORT": 465,
    }
    assert read("smtps://mail.example.com:2465")["EMAIL_PORT"] == 2465
    assert read("consolemail://") == read("") == {}


@pytest.mark.parametrize(
    "url", ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://mail.example.com:many", "filemail:///tmp"]
)
def test_what_is_no_mail_server_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="Set E to smtp://") as refused:
        Environment({"E": url}).mail_server("E")

    assert "mail.example.com" not in str(refused.value)


@pytest.mark.parametrize("text", ["no-reply@example.com", "Nocturnal <no-reply@example.com>", "N\u00f6 <a@b>"])
def test_a_sender_is_an_address_with_or_without_a_name(text: str) -> None:
    assert Environment({"F": text}).mailbox("F", default="x@y") == text


@pytest.mark.parametrize("text", ["nobody", "Nocturnal <>", "a@b\nBcc: eve@example.com", "a b@c"])
def test_what_is_no_sender_is_refused(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="Set F to an address"):
        Environment({"F": text}).mailbox("F", default="x@y")


def test_a_link_has_one_place_for_the_token() -> None:
    assert Environment({}).link("L", default="https://a.example/?t={token}") == "https://a.example/?t={token}"
    for text in ("https://a.example/", "https://a.example/{token}{token}", "https://{host}/{token}", "/reset/{token}"):
        with pytest.raises(ImproperlyConfigured, match="Set L to a URL"):
            Environment({"L": text}).link("L", default="")
