"""Django's common middleware, except that probes may come by address."""

from django.http import HttpRequest, HttpResponseBase
from django.middleware.common import CommonMiddleware

_PROBES = "/api/health"


class HostCheckMiddleware(CommonMiddleware):
    """Refuses a Host that is not ours, on every path but the probes'.

    Load balancers and kubelets ask a pod for its health by IP address, which no list of hosts can know.
    Health answers use nothing of the Host header.
    """

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:  # type: ignore[override]  # stub too narrow
        """Check the host and the trailing slash, or leave a probe alone."""
        return None if request.path_info.startswith(_PROBES) else super().process_request(request)
