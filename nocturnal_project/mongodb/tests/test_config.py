"""A URI becomes settings, or a sentence without secrets."""

import traceback

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from nocturnal_project.mongodb import checks
from nocturnal_project.mongodb.config import database_settings


def test_a_plain_uri_names_the_address_and_gets_our_limits() -> None:
    settings = database_settings("mongodb://db.example.com:27017")
    assert settings["NAME"] == "nocturnal"
    assert settings["HOST"] == "mongodb://db.example.com:27017"
    assert settings["OPTIONS"]["maxPoolSize"] == 10
    assert settings["OPTIONS"]["w"] == "majority"


def test_the_database_and_the_options_of_the_uri_win() -> None:
    settings = database_settings("mongodb://db/other?maxpoolsize=50&w=1&replicaSet=rs0")
    assert settings["NAME"] == "other"
    assert not {"maxPoolSize", "w"} & set(settings["OPTIONS"])
    assert settings["OPTIONS"]["minPoolSize"] == 2
    assert settings["HOST"].endswith("db/other?maxpoolsize=50&w=1&replicaSet=rs0")


def test_credentials_are_kept_apart_from_the_address() -> None:
    settings = database_settings("mongodb://ali%40ce:p%2Fw@a:1,b:2/nocturnal?authSource=admin")
    assert (settings["USER"], settings["PASSWORD"]) == ("ali@ce", "p/w")
    assert settings["HOST"] == "mongodb://a:1,b:2/nocturnal?authSource=admin"


def test_a_seed_list_is_not_looked_up_at_start() -> None:
    settings = database_settings("mongodb+srv://u:p@cluster.invalid/?srvMaxHosts=2&retryWrites=false")
    assert settings["HOST"] == "mongodb+srv://cluster.invalid/?srvMaxHosts=2&retryWrites=false"


@pytest.mark.parametrize(
    "uri",
    [
        "localhost:27017/hunter2",
        "mongodb://",
        "mongodb://alice:hunter2/x@host/db",
        "mongodb://alice:hunter2@x@host/db",
        "mongodb://alice:hunter2%@host/db",
        "mongodb://alice:hunter2@host:port/db",
        "mongodb://alice:hunter2@host/db?maxPoolSize=hunter2",
        "mongodb://alice:hunter2@host/db?w=majority&tls=perhaps",
        "mongodb://alice:hunter2@host/bad name",
        "mongodb+srv://alice:hunter2/@host/db",
    ],
)
def test_a_wrong_uri_is_refused_in_a_sentence_without_the_password(uri: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"MONGODB_URI .* as in mongodb://user:password@host") as refused:
        database_settings(uri)
    assert "hunter2" not in "".join(traceback.format_exception_only(refused.value))
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_parent_is_the_version_that_the_engine_was_written_for() -> None:
    assert checks.parent_is_the_one_we_know(None) == []


def test_another_version_of_the_parent_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PARENT_VERSION", "5.2.3")
    (error,) = [message for message in run_checks() if message.id == "nocturnal.mongodb.E001"]
    assert "5.2.4" in error.msg
    assert "run nocturnal_project/mongodb/tests" in str(error.hint)
