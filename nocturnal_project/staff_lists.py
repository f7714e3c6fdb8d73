"""Staff's lists: a page of one reads a page of rows, however many there are."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import ShowFacets, SimpleListFilter
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from nocturnal_project import clock
from nocturnal_project.identifiers import first_uuid7

_MATCHES = 50
_ABOVE_ALL = "\U0010ffff"


class StaffPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable at run time
    """Counts a list without conditions by what the database remembers of its size, where it remembers."""

    @cached_property
    def count(self) -> int:
        """Return how many rows there are; on MongoDB, of a whole collection, as it was a moment ago."""
        rows: Any = self.object_list
        remembered = getattr(connections[rows.db], "remembered_count", None)
        if remembered and not rows.query.where:
            return int(remembered(rows.model._meta.db_table))  # noqa: SLF001  Django's documented name
        return int(rows.count())


class StaffChangeList(ChangeList):
    """Sorts by one column, of those that have an index, also when the address asks for another."""

    def get_ordering_field(self, field_name: Any) -> Any:
        """Return what a column is sorted by, or None."""
        return super().get_ordering_field(field_name) if field_name in self.sortable_by else None

    def _get_deterministic_ordering(self, ordering: Sequence[Any]) -> list[Any]:
        return list(super()._get_deterministic_ordering(ordering[:1]))


class CreatedFilter(SimpleListFilter):
    """Narrows by when the row was made, which its key says: no index of its own, and newest first as before."""

    title = "created"
    parameter_name = "created"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Name the periods."""
        return [("today", "Today"), ("week", "Past 7 days"), ("month", "This month"), ("year", "This year")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the period."""
        start = _start_of(self.value() or "", clock.now())
        return queryset.filter(pk__gte=first_uuid7(start)) if start else queryset


def _start_of(period: str, now: datetime) -> datetime | None:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = {
        "today": today,
        "week": today - timedelta(days=7),
        "month": today.replace(day=1),
        "year": today.replace(month=1, day=1),
    }
    return starts.get(period)


class StaffAdmin(ModelAdmin):
    """A list that stays quick: known columns to sort by, search by beginnings, no counting for show.

    ``search_fields`` are columns with an index, and at most one ``<foreign key to a user>__email``. They are
    compared as ranges, because a search for what is *in* a text, or in any case of letters, reads every row
    of every database.
    """

    paginator = StaffPaginator
    list_per_page = 50
    list_filter_submit = True
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by: ClassVar[Any] = ("created",)
    lowered_fields: ClassVar[tuple[str, ...]] = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return ours."""
        return StaffChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Keep what begins with the term; what has an @ is an e-mail where one can be searched.

        In two steps, keys first, so that the list keeps its order and no join is searched: on MongoDB that
        would read everything.
        """
        term = search_term.strip()
        own = [str(field) for field in self.search_fields if not str(field).endswith("__email")]
        by_email = [str(field).removesuffix("__email") for field in self.search_fields if field not in own]
        if not term:
            return queryset, False
        if by_email and ("@" in term or not own):
            users = self._beginning(request, get_user_model()._default_manager.all(), "email", term.lower())  # noqa: SLF001  Django's documented name
            return queryset.filter(**{f"{by_email[0]}_id__in": users}), False
        found: set[Any] = set()
        for field in own:
            wanted = term.lower() if field in self.lowered_fields else term
            found.update(self._beginning(request, queryset, field, wanted))
        return queryset.filter(pk__in=found), False

    def _beginning(self, request: HttpRequest, rows: QuerySet[Any], field: str, term: str) -> list[Any]:
        """Return the keys of the first rows, and say so when there are more."""
        between = {f"{field}__gte": term, f"{field}__lt": term + _ABOVE_ALL}
        found = list(rows.filter(**between).order_by(field).values_list("pk", flat=True)[: _MATCHES + 1])
        if len(found) > _MATCHES:
            label = rows.model._meta.get_field(field).verbose_name  # noqa: SLF001  Django's documented name
            text = f"More than {_MATCHES} match by {label}; the first {_MATCHES} are shown. Write more of it."
            messages.warning(request, text)
        return found[:_MATCHES]
