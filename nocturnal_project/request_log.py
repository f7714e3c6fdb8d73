"""Logs: one line a request, every line with the request's id, and never a secret.

A line names the route's template, not the path, because paths carry ids and signatures;
bodies, headers and query strings are not logged at all.
"""

import logging
import logging.config
import re
import sys
import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from structlog.typing import EventDict, Processor

# What a client may call a request: long enough for any tracing id, too plain to forge a log line.
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")

# Local variables hold passwords and tokens.
_TRACEBACKS_WITHOUT_VALUES = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)

_log = structlog.stdlib.get_logger("nocturnal.request")


class RequestLogMiddleware:
    """Gives each request an id, echoes it, and writes the request's one log line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Wrap the rest of the stack; this middleware is the outermost."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve the request and log how it went; a failure inside has become an answer by then."""
        started = time.perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _SANE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]  # read by problems.py
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self._get_response(request)
        response.headers["X-Request-ID"] = request_id
        self._write_line(request, response, (time.perf_counter() - started) * 1000)
        return response

    @staticmethod
    def _write_line(request: HttpRequest, response: HttpResponseBase, elapsed_ms: float) -> None:
        match = request.resolver_match
        route = f"/{match.route}" if match else "-"
        quiet = match is not None and match.app_name == "health" and response.status_code < 400  # noqa: PLR2004  any failure
        _log.log(
            logging.DEBUG if quiet else logging.INFO,
            "request",
            method=request.method,
            route=route,
            status=response.status_code,
            ms=round(elapsed_ms, 1),
            bytes=int(response.headers.get("Content-Length", 0)),
            user=getattr(request, "log_user_id", None),
        )


def configure(*, log_format: str, level: str, instance: str) -> None:
    """Set up logging for the process: ``json`` or ``console``, to standard error, for our lines and everyone else's."""
    rank = level.upper()

    def name_the_instance(_logger: object, _method: str, event: EventDict) -> EventDict:
        event["instance"] = instance
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
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
