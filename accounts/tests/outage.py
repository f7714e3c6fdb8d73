"""The database refuses to say which signing keys there are, for as long as a test wants."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import OperationalError, connection

_TABLE = "accounts_signingkey"


class Outage:
    """Off until ``begin``. ``tries`` counts who asked in vain."""

    def __init__(self) -> None:
        self.tries = 0
        self._scope = ExitStack()

    def begin(self) -> None:
        self._scope.enter_context(_failing_commands(self) if connection.vendor == "mongodb" else _failing_sql(self))

    def end(self) -> None:
        self._scope.close()


@contextmanager
def _failing_sql(outage: Outage) -> Iterator[None]:
    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if _TABLE not in sql:
            return execute(sql, params, many, context)
        outage.tries += 1
        raise OperationalError

    with connection.execute_wrapper(refuse):
        yield


@contextmanager
def _failing_commands(outage: Outage) -> Iterator[None]:
    """Let the server itself fail what our client sends, with an error that drivers do not repeat."""
    import pymongo

    from tests.sent_commands import SENT

    def count(command: dict[str, Any]) -> None:
        outage.tries += _TABLE in command.values()

    data = {"failCommands": ["find", "aggregate"], "appName": "nocturnal", "errorCode": 96}
    with pymongo.MongoClient[dict[str, Any]](str(connection.settings_dict["HOST"])) as client, SENT.heard_by(count):
        client.admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data})
        try:
            yield
        finally:
            client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
