"""Traces by OpenTelemetry's own instrumentation, when OTEL_EXPORTER_OTLP_ENDPOINT names a collector.

Without it this module is never loaded further than its first line, and nothing is wrapped. A span names the route and
never the path, whose signatures and ids are secrets or personal. A collector that is away costs requests nothing:
spans wait in a queue of bounded length, and what does not fit is dropped.
"""

from typing import Any

from django.conf import settings

# Of the semantic conventions for HTTP, old and stable: whatever may hold a path or a query.
_PATHS = ("http.url", "http.target", "url.full", "url.path", "url.query")
_EXPORT_SECONDS = 2
_provider: Any = None


def start() -> None:
    """Wrap Django, the databases and HTTP before the application is made; does nothing when no collector is named."""
    global _provider  # noqa: PLW0603  one process has one provider
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT or _provider:
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.pymongo import PymongoInstrumentor
    from opentelemetry.instrumentation.redis import RedisInstrumentor
    from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    service = {
        "service.name": "nocturnal",
        "service.version": settings.VERSION,
        "service.instance.id": settings.INSTANCE_ID,
        "deployment.environment.name": settings.NOCTURNAL_ENV,
    }
    _provider = TracerProvider(resource=Resource.create(service), shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=_EXPORT_SECONDS)))
    trace.set_tracer_provider(_provider)
    # After the check of the request's host, which the instrumentation reads, and inside of the log's line.
    position = settings.MIDDLEWARE.index("nocturnal_project.middleware.RequestCheckMiddleware") + 1
    DjangoInstrumentor().instrument(
        request_hook=_hide_path,
        response_hook=_tell_request,
        middleware_position=position,
        excluded_urls="api/health,metrics",
    )
    PymongoInstrumentor().instrument()
    RedisInstrumentor().instrument()
    URLLib3Instrumentor().instrument(url_filter=_without_query)


def stop() -> None:
    """Send what is left, for at most the time of one export; safe without a start."""
    global _provider  # noqa: PLW0603  the same
    if _provider:
        _provider.shutdown()
        _provider = None


def _hide_path(span: Any, _request: Any) -> None:
    for name in _PATHS:
        if name in (getattr(span, "attributes", None) or {}):
            span.set_attribute(name, "-")


def _tell_request(span: Any, request: Any, _response: Any) -> None:
    span.set_attribute("nocturnal.request_id", request.request_id)


def _without_query(url: str) -> str:
    return url.partition("?")[0]
