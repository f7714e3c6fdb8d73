"""What stands below the form on a user's page, from every app that knows something of the user.

An app that accounts must not know adds its panel by registering it when its admin is imported:

    @user_panel
    def files(request: HttpRequest, user: User) -> Panel | None: ...
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html

from accounts.models import User

# A page of a user reads no more of each kind; the rest is behind the panel's link.
ROWS = 10


@dataclass(frozen=True, slots=True)
class Panel:
    """A table about one user. A cell is text, or what ``format_html`` made."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    nothing: str
    link: str = ""
    link_text: str = ""

    @property
    def table(self) -> dict[str, Sequence[object]]:
        """What unfold's table wants."""
        return {"headers": self.headers, "rows": self.rows}


PanelMaker = Callable[[HttpRequest, User], Panel | None]
_makers: list[PanelMaker] = []


def user_panel(maker: PanelMaker) -> PanelMaker:
    """Show a panel on every user's page; ``maker`` returns None for staff who may not see it."""
    _makers.append(maker)
    return maker


def panels_of(request: HttpRequest, user: User) -> list[Panel]:
    """Return the panels that this member of staff may see, in the order of their apps."""
    return [panel for panel in (maker(request, user) for maker in _makers) if panel]


def link_to(page: str, text: str) -> str:
    """Return a link that looks like one, in the light and in the dark."""
    return format_html('<a href="{}" class="text-primary-600 dark:text-primary-500">{}</a>', page, text)


def shown_time(moment: datetime | None) -> str:
    """Return a time as the lists show it, or a dash."""
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT") if moment else "-"
