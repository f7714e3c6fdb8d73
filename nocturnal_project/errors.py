"""Expected failures: what services raise, and what the one handler turns into an answer.

A service raises a subclass; it knows nothing of HTTP beyond the status that the failure means.
"""

from typing import Any, ClassVar


class NocturnalError(Exception):
    """A failure that the caller can understand.

    ``code`` is stable and for programs; ``title`` is the same for every occurrence (RFC 9457);
    ``detail`` is for this one. ``facts`` become members of the problem object.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request could not be carried out."

    def __init__(self, detail: str = "", *, headers: dict[str, str] | None = None, **facts: Any) -> None:
        """Describe this occurrence."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = headers or {}
        self.facts = facts


class InvalidInput(NocturnalError):
    """The request was understood but its content is wrong; ``errors`` says where."""

    code = "invalid_input"
    status = 422
    title = "The input is not valid."

    def __init__(self, detail: str, *, errors: list[dict[str, str]]) -> None:
        """Name each place: {pointer, code, detail}, the pointer a JSON Pointer fragment or ``?name`` of a parameter."""
        super().__init__(detail, errors=errors)

    @classmethod
    def at(cls, pointer: str, *, code: str, detail: str) -> "InvalidInput":
        """Return the error for one place."""
        return cls(detail, errors=[{"pointer": pointer, "code": code, "detail": detail}])


class NotFound(NocturnalError):
    """There is no such thing, or it is someone else's: the two are not told apart."""

    code = "not_found"
    status = 404
    title = "There is nothing here."


class BodyTooLarge(NocturnalError):
    """The request's body is larger than this endpoint takes."""

    code = "body_too_large"
    status = 413
    title = "The request body is too large."


class LengthRequired(NocturnalError):
    """The body comes without a Content-Length, so that its size cannot be judged before it is read."""

    code = "length_required"
    status = 411
    title = "The request needs a Content-Length."


class ServiceUnavailable(NocturnalError):
    """A system that we depend on did not answer in time; trying again later is right."""

    code = "service_unavailable"
    status = 503
    title = "A system behind this service is not available."

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 5) -> None:
        """Say when to try again."""
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})
