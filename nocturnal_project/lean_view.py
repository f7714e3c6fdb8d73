"""DRF's view without what no view of ours uses, because every request pays for it.

Left out: content negotiation (answers are JSON), versions, format suffixes, a renderer and a template response for each
answer, an Allow header on every answer, and making parsers and authenticators anew for each request. Serializers,
parsers, permissions, throttles and exceptions work as in DRF.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import APIView

from nocturnal_project.api import AlwaysJSON

_encode_other = JSONEncoder().default
_negotiator = AlwaysJSON()
_METHOD_NOT_ALLOWED = 405


def answer(data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return data as JSON; no data is no body."""
    content = b"" if data is None else orjson.dumps(data, default=_encode_other)
    return HttpResponse(content, content_type="application/json", status=status, headers=headers)


class LeanAPIView(APIView):
    """The base of every API view."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Do what DRF's does, in its order: wrap, admit, handle, and answer for what was raised."""
        self.args, self.kwargs = args, kwargs
        self.request = wrapped = self.initialize_request(request, *args, **kwargs)
        try:
            self.initial(wrapped, *args, **kwargs)
            method = (request.method or "").lower()
            known = method in self.http_method_names
            handler = getattr(self, method, self.http_method_not_allowed) if known else self.http_method_not_allowed
            response = handler(wrapped, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  DRF's rule: the handler answers, or raises what it does not know
            response = self.handle_exception(error)
        return self.finish(wrapped, response)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Wrap Django's request; parsers and authenticators keep nothing of a request, so there is one of each."""
        parsers = _made(tuple(self.parser_classes))
        authenticators = _made(tuple(self.authentication_classes))
        context = {"view": self, "args": args, "kwargs": kwargs}
        return Request(request, parsers, authenticators, _negotiator, context)

    def perform_authentication(self, request: Request) -> None:
        """Ask each authenticator; the first that knows the caller decides."""
        for authenticator in request.authenticators or ():
            known = authenticator.authenticate(request)
            if known is not None:
                request.user, request.auth = known  # type: ignore[assignment]  # the stub knows only Django's users
                return
        request.user = AnonymousUser()

    def finish(self, request: Request, response: Any) -> HttpResponseBase:
        """Return the answer as Django sends it; what views and handlers give as DRF's Response becomes JSON."""
        finished: HttpResponseBase = response
        if isinstance(response, Response):
            headers = {name: value for name, value in response.headers.items() if name != "Content-Type"}
            finished = answer(response.data, status=response.status_code, headers=headers)
        if finished.status_code == _METHOD_NOT_ALLOWED:
            finished.headers["Allow"] = ", ".join(self.allowed_methods)
        return finished


@cache
def _made(kinds: tuple[type[Any], ...]) -> list[Any]:
    return [kind() for kind in kinds]
