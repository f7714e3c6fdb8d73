"""Takes commands apart, and holds each part against the table of what DocumentDB supports.

As a plugin of pytest it does so for everything that the product's client sends in a whole run, and fails
the run. The tests of the engine are left out: they also ask what the product never does.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.documentdb_support import NO, REFUSED, SUPPORT

_ENGINE_TESTS = "nocturnal_project/mongodb/tests/"
_WALK = f"{_ENGINE_TESTS}test_query_plans.py"
_BAD = "::test_a_bad_query"
_EVERYWHERE = {"$db", "$clusterTime", "$readPreference"}


def parts_of(command: dict[str, Any]) -> Iterator[str]:
    """Yield the name of each part, as the table has it."""
    verb = next(iter(command))
    yield f"command {verb}"
    yield from (f"option {name}" for name in command if name != verb and name not in _EVERYWHERE)
    for condition in ("filter", "query"):
        if verb != "listCollections":
            yield from _conditions(command.get(condition), "query")
    yield from _stages(command.get("pipeline", ()))
    for statement in command.get("updates", ()):
        yield from (f"statement {name}" for name in statement)
        yield from _conditions(statement["q"], "query")
        yield from _change(statement["u"])
    for statement in command.get("deletes", ()):
        yield from (f"statement {name}" for name in statement)
        yield from _conditions(statement["q"], "query")
    for index in command["indexes"] if verb == "createIndexes" else ():
        yield from (f"index {name}" for name in index)
        yield from _conditions(index.get("partialFilterExpression"), "partial")


def _change(change: Any) -> Iterator[str]:
    if isinstance(change, list):
        yield "statement pipeline update"
    else:
        yield from (f"update {name}" for name in change)


def _conditions(value: Any, kind: str) -> Iterator[str]:
    """Yield the operators of a condition; what is under ``$expr`` is an expression."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name.startswith("$"):
                yield f"{kind} {name}"
            yield from _expressions(part) if name == "$expr" else _conditions(part, kind)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _conditions(part, kind)


def _stages(pipeline: Any) -> Iterator[str]:
    for stage in pipeline:
        for name, body in stage.items():
            yield f"stage {name}"
            if name == "$match":
                yield from _conditions(body, "query")
            elif name == "$lookup":
                yield from _lookup(body)
            elif name == "$facet":
                for inner in body.values():
                    yield from _stages(inner)
            elif name not in {"$sort", "$unwind", "$limit", "$skip"}:
                yield from _expressions(body)


def _lookup(body: dict[str, Any]) -> Iterator[str]:
    if "pipeline" in body:
        yield from _stages(body["pipeline"])
        yield from _expressions(body.get("let"))
        if "localField" in body:
            yield "stage $lookup of fields and a pipeline"


def _expressions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            if name.startswith("$"):
                yield f"expression {name}"
            if name != "$literal":
                yield from _expressions(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _expressions(part)


def refused(part: str) -> str | None:
    """Return why a part may not be sent, or None."""
    row = SUPPORT.get(part)
    if row is None:
        return "is not in tests/documentdb_support.py: look it up and add a row"
    return f"is not supported: {row.note}" if row.supported in {NO, REFUSED} else None


class EverythingSent:
    """The plugin: remembers each part with the first test that sent it, and fails the run for what is refused."""

    def __init__(self) -> None:
        """Start with nothing sent."""
        self.first_sent_in: dict[str, str] = {}
        self._test = "the start"

    def hear(self, command: dict[str, Any]) -> None:
        """Remember the parts of a command, unless a test of the engine sends it."""
        asked = self._test.startswith(_WALK) and _BAD not in self._test
        if asked or not self._test.startswith(_ENGINE_TESTS):
            for part in parts_of(command):
                self.first_sent_in.setdefault(part, self._test)

    @property
    def faults(self) -> list[str]:
        """Say what would not run."""
        return [
            f"DocumentDB 8.0: {part} {why} (first sent in {test})"
            for part, test in sorted(self.first_sent_in.items())
            if (why := refused(part))
        ]

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Remember which test runs."""
        self._test = nodeid

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail."""
        if self.faults and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say why, and how much was looked at."""
        for fault in self.faults:
            terminalreporter.write_line(fault, red=True)
        count = len(self.first_sent_in)
        terminalreporter.write_line(f"DocumentDB 8.0 on paper: {count} commands, options and operators sent.")
