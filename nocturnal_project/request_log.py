"""Logs: one line a request, every line with the request's id, and never a secret.

A line names the route's template, not the path, because paths carry ids and signatures;
bodies, headers and query strings are not logged at all.

The request's own line is written without the logging package when it is JSON: through structlog and a logging handler
it would cost more than the decision on the request's rate limit. It has the same members as every other line.
"""

import logging
import logging.config
import os
import re
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from structlog.typing import EventDict, Processor

from nocturnal_project import http_metrics, traffic

# What a client may call a request: long enough for any tracing id, too plain to forge a log line.
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")

# Local variables hold passwords and tokens.
_TRACEBACKS_WITHOUT_VALUES = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)

_NAME = "nocturnal.request"
_log = structlog.stdlib.get_logger(_NAME)


class RequestLogMiddleware:
    """Gives each request an id, echoes it, counts it, and writes its one log line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap the rest of the stack; this middleware is the outermost."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve the request and log how it went; a failure inside has become an answer by then."""
        started = time.perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if given and _SANE_REQUEST_ID.fullmatch(given) else os.urandom(16).hex()
        request.request_id = request_id  # type: ignore[attr-defined]  # read by problems.py
        _current.set(request_id)
        http_metrics.in_flight.inc()
        try:
            response = self._get_response(request)
        finally:
            http_metrics.in_flight.dec()
        response.headers["X-Request-ID"] = request_id
        elapsed = time.perf_counter() - started
        traffic.count(request.path_info, response.status_code, elapsed * 1000)
        http_metrics.observe(request, response, elapsed)
        self._write_line(request, response, elapsed * 1000)
        return response

    @staticmethod
    def _write_line(request: HttpRequest, response: HttpResponseBase, elapsed_ms: float) -> None:
        match = request.resolver_match
        quiet = match is not None and match.app_name == "health"  # whose failures say so themselves, once
        level = logging.DEBUG if quiet else logging.INFO
        if not _standard_log.isEnabledFor(level):
            return
        _line.write(
            level,
            {
                "method": request.method,
                "route": f"/{match.route}" if match else "-",
                "status": response.status_code,
                "ms": round(elapsed_ms, 1),
                "bytes": int(response.headers.get("Content-Length", 0)),
                "user": getattr(request, "log_user_id", None),
                "request_id": request.request_id,  # type: ignore[attr-defined]  # set above
            },
        )


_standard_log = logging.getLogger(_NAME)
# The id of the request that this thread serves, or the last one it served.
_current: ContextVar[str] = ContextVar("request_id", default="")


def _name_the_request(_logger: object, _method: str, event: EventDict) -> EventDict:
    if (request_id := _current.get()) and "request_id" not in event:
        event["request_id"] = request_id
    return event


class _Line:
    """How the request's line is written: through structlog, or as JSON without it."""

    instance: str | None = None

    def write(self, level: int, facts: dict[str, Any]) -> None:
        """Write the line in the configured format."""
        if self.instance is None:
            _log.log(level, "request", **facts)
            return
        facts |= {
            "event": "request",
            "level": "debug" if level == logging.DEBUG else "info",
            "time": datetime.now(UTC).isoformat(timespec="microseconds")[:-6] + "Z",
            "instance": self.instance,
            "logger": _NAME,
        }
        sys.stderr.write(orjson.dumps(facts, option=orjson.OPT_APPEND_NEWLINE).decode())


_line = _Line()


def configure(*, log_format: str, level: str, instance: str) -> None:
    """Set up logging for the process: ``json`` or ``console``, to standard error, for our lines and everyone else's."""
    rank = level.upper()
    _line.instance = instance if log_format == "json" else None

    def name_the_instance(_logger: object, _method: str, event: EventDict) -> EventDict:
        event["instance"] = instance
        return event

    shared: list[Processor] = [
        _name_the_request,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    last: list[Processor]
    if log_format == "json":
        shared += [name_the_instance, structlog.stdlib.add_logger_name]
        last = [_TRACEBACKS_WITHOUT_VALUES, structlog.processors.JSONRenderer()]
    else:
        last = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
            )
        ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        "foreign_pre_chain": shared,
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"lines": formatter},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
            "root": {"handlers": ["stderr"], "level": rank},
            "loggers": {
                # Django's own line for each 4xx and 5xx repeats ours, with the path; problems.py logs tracebacks.
                "django.request": {"level": "CRITICAL", "propagate": False},
                "django.security.DisallowedHost": {"level": "CRITICAL", "propagate": False},
                "django.db.backends": {"level": "INFO"},
            },
        }
    )
