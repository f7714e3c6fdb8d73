"""Pages of lists: a cursor names the last row seen, so new rows never shift a page."""

import uuid
from typing import Any

from rest_framework.exceptions import NotFound as InvalidCursor
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from nocturnal_project.errors import InvalidInput

# What DRF reads out of text that says nothing at all.
_NOWHERE = Cursor(offset=0, reverse=False, position=None)


class NewestFirst(CursorPagination):
    """The newest rows first, by key."""

    ordering = "-id"

    def __init__(self, page_size: int = 50) -> None:
        """Make pages of ``page_size`` rows."""
        super().__init__()
        self.page_size = page_size

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return the cursor.

        Raises:
            InvalidInput: we did not make it.
        """
        refusal = InvalidInput.at(
            "?cursor", code="invalid_cursor", detail="The cursor is none of ours. Start without one."
        )
        try:
            cursor = super().decode_cursor(request)
            if cursor is not None and cursor.position is not None:
                uuid.UUID(str(cursor.position))
            elif cursor == _NOWHERE and request.query_params[self.cursor_query_param]:
                raise refusal
        except (InvalidCursor, ValueError) as error:
            raise refusal from error
        return cursor

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe a page."""
        page = super().get_paginated_response_schema(schema)
        for name in ("next", "previous"):
            page["properties"][name]["example"] = None
        return page

    def get_paginated_response(self, data: Any) -> Response:
        """Answer with the page, its neighbours in the body and as Link (RFC 8288)."""
        response = super().get_paginated_response(data)
        neighbours = {"next": self.get_next_link(), "prev": self.get_previous_link()}
        links = [f'<{url}>; rel="{name}"' for name, url in neighbours.items() if url]
        if links:
            response["Link"] = ", ".join(links)
        return response
