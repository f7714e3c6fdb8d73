"""What Prometheus is told of the limits, in its text format (0.0.4).

For the pod's own port only: nginx answers 404 for this path, and whatever else stands in front must do the same.
"""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from nocturnal_project.instances import live_instances
from nocturnal_project.redis import link
from ratelimits import tally
from ratelimits.throttling import exempt

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[dict[str, str], int]
_LABELS = ("policy", "mode", "outcome")


@csrf_exempt
@exempt("Prometheus asks every few seconds, on the pod's own port.")
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with every metric of this process; looks at nothing else, so that it waits for nothing."""
    return HttpResponse("".join(_lines()), content_type=_CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def _lines() -> Iterator[str]:
    decisions = [(dict(zip(_LABELS, outcome, strict=True)), number) for outcome, number in tally.totals().items()]
    yield from _metric("nocturnal_ratelimit_decisions_total", "counter", "Decisions of this instance.", *decisions)
    yield from _metric(
        "nocturnal_ratelimit_store_errors_total", "counter", "Calls of Redis that failed.", ({}, link.errors)
    )
    shared = "1: limits are counted in Redis; 0: by this instance alone."
    yield from _metric("nocturnal_ratelimit_store_shared", "gauge", shared, ({}, int(link.closed)))
    living = "Instances alive, as this one last saw."
    yield from _metric("nocturnal_instances_total", "gauge", living, ({}, len(live_instances())))


def _metric(name: str, kind: str, help_text: str, *samples: Sample) -> Iterator[str]:
    yield f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n"
    for labels, number in samples:
        said = ",".join(f'{label}="{value}"' for label, value in labels.items())  # values are names of ours
        yield f"{name}{{{said}}} {number}\n" if said else f"{name} {number}\n"
