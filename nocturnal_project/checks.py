"""System checks that stop a half-configured production. Each message is a sentence with its fix."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution

from nocturnal_project.proxies import Misfit, misfits

_MINIMUM_KEY_CHARACTERS = 32


@register()
def production_is_complete(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Name everything that a production deployment still lacks; nothing in development."""
    if not settings.PRODUCTION:
        return []
    return [*_secrets(), *_exposure(), *_addresses(), *_mail(), *_state_outside_the_pod(), *_static_files()]


@register(deploy=True)
def proxies_fit(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Say what instances that are serving noticed within the hour. Only when asked: what they noticed may be forged."""
    ids = {Misfit.UNTRUSTED: "nocturnal.E012", Misfit.FEWER: "nocturnal.E013"}
    return [Error(misfit.advice, id=ids[misfit]) for misfit in misfits()]


def _secrets() -> list[CheckMessage]:
    keys = {"SECRET_KEY": settings.SECRET_KEY, "JWT_SECRET": settings.JWT_SECRET}
    found: list[CheckMessage] = []
    for number, (name, value) in enumerate(keys.items(), start=1):
        if value == settings.INSECURE_DEFAULT_KEY:
            hint = "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
            found.append(Error(f"{name} is not set: set it, or {name}_FILE.", hint=hint, id=f"nocturnal.E00{number}"))
        elif len(value) < _MINIMUM_KEY_CHARACTERS:
            text = f"{name} is too short: use at least {_MINIMUM_KEY_CHARACTERS} random characters."
            found.append(Error(text, id=f"nocturnal.E00{number}"))
    if not found and settings.SECRET_KEY == settings.JWT_SECRET:
        found.append(Error("SECRET_KEY and JWT_SECRET are the same: make two.", id="nocturnal.E003"))
    former = settings.SECRET_KEY_FALLBACKS
    if any(len(key) < _MINIMUM_KEY_CHARACTERS or key == settings.INSECURE_DEFAULT_KEY for key in former):
        text = "SECRET_KEY_FALLBACKS has a key that is public or too short: remove it, for anybody may sign with it."
        found.append(Error(text, id="nocturnal.E011"))
    return found


def _exposure() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(Error("DEBUG shows source and settings to strangers: unset DEBUG.", id="nocturnal.E004"))
    if not settings.ALLOWED_HOSTS or any(set(host) & set("*/") for host in settings.ALLOWED_HOSTS):
        text = "ALLOWED_HOSTS must name the hosts you serve, for example ALLOWED_HOSTS=api.example.com."
        found.append(Error(text, id="nocturnal.E005"))
    return found


def _addresses() -> list[CheckMessage]:
    if urlsplit(settings.PUBLIC_URL).hostname in {"127.0.0.1", "localhost"}:
        text = (
            "PUBLIC_URL is this machine's own address: set it to where clients reach you, or links will lead nowhere."
        )
        return [Caution(text, id="nocturnal.W001")]
    return []


def _mail() -> list[CheckMessage]:
    if settings.EMAIL_URL:
        return []
    text = "Mails go nowhere, so nobody can reset a password: set EMAIL_URL, for example smtp+tls://user:password@host."
    return [Caution(text, id="nocturnal.W002")]


def _state_outside_the_pod() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.DATABASES["default"]["ENGINE"].endswith(".sqlite3"):
        text = "SQLite is one file in one pod: set MONGODB_URI to the database that all pods share."
        found.append(Error(text, id="nocturnal.E006"))
    if not settings.REDIS_URL:
        text = (
            "A local-memory cache is not shared: "
            "set REDIS_URL, or REDIS_ENABLED=true with REDIS_HOST, or REDIS_SENTINELS."
        )
        found.append(Error(text, id="nocturnal.E007"))
    if not settings.USE_S3:
        text = "Local files stay in one pod: set USE_S3=true, S3_BUCKET and AWS_REGION."
        found.append(Error(text, id="nocturnal.E008"))
    return found


def _static_files() -> list[CheckMessage]:
    if (Path(settings.STATIC_ROOT or "") / "staticfiles.json").is_file():
        return []
    text = "The admin's static files are not collected: run `python manage.py collectstatic --noinput` when you build."
    return [Error(text, id="nocturnal.E010")]
