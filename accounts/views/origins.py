"""Where a request of the API comes from, for the events that it leads to."""

from rest_framework.request import Request

from accounts.events import Origin


def origin_of(request: Request) -> Origin:
    """Return the address, client and id of a request."""
    return Origin.of(request._request)  # noqa: SLF001  DRF's name for Django's request
