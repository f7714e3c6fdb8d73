"""Reading configuration from the environment: typed, from files too, and with messages that say how to fix.

A variable ``X`` may come from a file named by ``X_FILE`` (Docker and Kubernetes secrets); the file wins.
django-environ does the reading; this module adds the sentence an operator needs when a value is wrong.
No message repeats a value, because any of them may be a secret.
"""

import ipaddress
import re
from collections.abc import Mapping
from email.utils import parseaddr
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_DOTENV_LINE = re.compile(r"\s*(#|(export\s+)?[A-Za-z_][A-Za-z0-9_]*=)")
# A host name or IPv4 address, or an IPv6 address in brackets; then a port.
_HOST_AND_PORT = re.compile(r"(?:(?P<host>[A-Za-z0-9._-]+)|\[(?P<v6>[0-9A-Fa-f:.]+)\])(?::(?P<port>[0-9]{1,5}))?")
_HIGHEST_PORT = 65535
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465, "smtps": 465, "consolemail": 0}


def read_dotenv(path: Path) -> None:
    """Take variables from a ``.env`` file where there is one; the real environment wins.

    Raises:
        ImproperlyConfigured: a line is not NAME=value. django-environ would print it, secret and all, and go on.
    """
    if not path.is_file():
        return
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{path.name} cannot be read: make it a UTF-8 text file.") from error
    for number, line in enumerate(lines, start=1):
        if line.strip() and not _DOTENV_LINE.match(line):
            raise ImproperlyConfigured(
                f"Line {number} of {path.name} is not NAME=value: no spaces around =, comments on lines of their own."
            )
    environ.Env.read_env(path)


def require_package(module: str, *, for_variable: str, requirements: str = "production") -> None:
    """Refuse a variable whose driver is not installed, rather than fail later with a traceback.

    Raises:
        ImproperlyConfigured: with what to install.
    """
    if find_spec(module.partition(".")[0]) is None or find_spec(module) is None:
        raise ImproperlyConfigured(
            f"{for_variable} needs a driver that is not installed: "
            f"run .venv/bin/python -m pip install --require-hashes -r requirements/{requirements}.txt, or unset it."
        )


class Environment:
    """Typed reading of one set of variables. Every method raises ImproperlyConfigured with a fix."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Read from ``variables`` (usually ``os.environ``), and from the files that its ``X_FILE`` names."""
        self._variables = environ.fileaware_mapping.FileAwareMapping(env=dict(variables))

    def text(self, name: str, default: str = "") -> str:
        """Return the variable without surrounding white space; unset and empty are both the default."""
        try:
            value: str = self._variables.get(name, "").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(
                f"{name}_FILE names a file that cannot be read ({type(error).__name__}): "
                f"point it at a UTF-8 text file this process may read, or unset it and set {name}."
            ) from error
        return value or default

    def number(self, name: str, default: int, *, minimum: int = 0, maximum: int = 2**31) -> int:
        """Return a whole number within the bounds."""
        value = self.text(name)
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or not minimum <= int(value) <= maximum:
            raise ImproperlyConfigured(f"Set {name} to a whole number from {minimum} to {maximum}.")
        return int(value)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a yes or no: true/false, yes/no, on/off or 1/0, in any case."""
        value = self.text(name).lower()
        if not value:
            return default
        if value not in _TRUE | _FALSE:
            raise ImproperlyConfigured(f"Set {name} to true or false.")
        return value in _TRUE

    def choice(self, name: str, options: tuple[str, ...], default: str) -> str:
        """Return one of the options."""
        value = self.text(name, default)
        if value not in options:
            raise ImproperlyConfigured(f"Set {name} to one of: {', '.join(options)}.")
        return value

    def words(self, name: str, default: tuple[str, ...] = ()) -> list[str]:
        """Return a comma-separated list without empty items."""
        value = self.text(name)
        return [word.strip() for word in value.split(",") if word.strip()] if value else list(default)

    def addresses(self, name: str, *, default_port: int) -> list[tuple[str, int]]:
        """Return a comma-separated list of host:port as (host, port); the port may be left out."""
        found = []
        for word in self.words(name):
            match = _HOST_AND_PORT.fullmatch(word)
            if match is None or not 0 < int(match["port"] or default_port) <= _HIGHEST_PORT:
                raise ImproperlyConfigured(f"Set {name} to host:port,host:port, for example redis-1:{default_port}.")
            found.append((match["host"] or match["v6"], int(match["port"] or default_port)))
        return found

    def scanner(self, name: str) -> str:
        """Return host:port, the absolute path of a socket, or nothing."""
        value = self.text(name)
        match = _HOST_AND_PORT.fullmatch(value)
        if not value or value.startswith("/") or (match and match["port"] and 0 < int(match["port"]) <= _HIGHEST_PORT):
            return value
        raise ImproperlyConfigured(f"Set {name} to host:port, such as clamd:3310, or to the path of clamd's socket.")

    def networks(self, name: str) -> list[Network]:
        """Return a comma-separated list of networks in CIDR notation."""
        try:
            return [ipaddress.ip_network(word) for word in self.words(name)]
        except ValueError as error:
            raise ImproperlyConfigured(
                f"Set {name} to networks such as 10.0.0.0/8,2001:db8::/32, with no bits set behind the prefix."
            ) from error

    def url(self, name: str, default: str = "") -> str:
        """Return an http or https URL without a trailing slash."""
        value = self.text(name, default).rstrip("/")
        if value and not value.startswith(("http://", "https://")):
            raise ImproperlyConfigured(f"Set {name} to a URL that begins with http:// or https://.")
        return value

    def link(self, name: str, default: str) -> str:
        """Return an http or https URL with the place of a token in it, written {token}."""
        value = self.url(name, default)
        if value.count("{token}") != 1 or set("{}") & set(value.replace("{token}", "")):
            raise ImproperlyConfigured(f"Set {name} to a URL with {{token}} where the token goes, and no other braces.")
        return value

    def mailbox(self, name: str, default: str) -> str:
        """Return a sender: an address, or a name with the address in angle brackets."""
        value = self.text(name, default)
        _, address = parseaddr(value)
        if not value.isprintable() or not _ADDRESS.fullmatch(address):
            raise ImproperlyConfigured(f"Set {name} to an address, such as Nocturnal <no-reply@example.com>.")
        return value

    def mail_server(self, name: str) -> dict[str, Any]:
        """Return Django's e-mail settings for a URL; none for an empty one.

        smtps is TLS from the first byte, as everywhere else; django-environ would take it for STARTTLS.
        """
        value = self.text(name)
        if not value:
            return {}
        scheme = urlsplit(value).scheme
        fault = f"Set {name} to smtp://, smtp+tls:// (STARTTLS) or smtps://user:password@host:port, or consolemail://."
        if scheme not in _MAIL_PORTS:
            raise ImproperlyConfigured(fault)
        try:
            found = environ.Env.email_url_config(value.replace("smtps://", "smtp+ssl://", 1))
        except ValueError as error:  # a port that is no number
            raise ImproperlyConfigured(fault) from error
        if scheme == "consolemail":
            return {}
        if not found["EMAIL_HOST"]:
            raise ImproperlyConfigured(fault)
        wanted = ("EMAIL_HOST", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD", "EMAIL_USE_TLS", "EMAIL_USE_SSL")
        return {key: found[key] for key in wanted if found.get(key)} | {
            "EMAIL_PORT": found["EMAIL_PORT"] or _MAIL_PORTS[scheme]
        }
