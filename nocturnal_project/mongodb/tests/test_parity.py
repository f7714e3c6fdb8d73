"""Every query gives what the parent's engine gives for the same data."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Avg, Case, Count, Exists, F, Max, Min, OuterRef, Q, Sum, Value, When
from django.db.models.functions import Coalesce, Length, Lower

from accounts.models import Session, User
from nocturnal_project.identifiers import uuid7
from nocturnal_project.mongodb.tests.rows import make_session, make_user, new_upload
from uploads.models import Upload

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def people(db: None) -> list[User]:
    """Three people with uploads and sessions: ties, empty strings, nulls, and somebody with nothing."""
    alice, bob, carol = (make_user(f"{name}@example.com", name=name.title()) for name in ("alice", "bob", "carol"))
    for number in range(12):
        make_upload = new_upload(
            (alice, bob)[number % 2],
            number,
            category=("general", "invoice", "avatar")[number % 3],
            size_bytes=number // 3,
            created_at=NOON + timedelta(hours=number),
        )
        make_upload.save(force_insert=True)
    make_session(alice, counter=3, ended_at=NOON, user_agent="Firefox")
    make_session(alice, counter=1)
    make_session(bob, counter=2, ended_at=NOON + timedelta(days=1))
    return [alice, bob, carol]


def U(using: str) -> Any:  # noqa: N802  one letter a model keeps the table below readable
    return Upload.objects.using(using)


def S(using: str) -> Any:  # noqa: N802  one letter a model keeps the table below readable
    return Session.objects.using(using)


def P(using: str) -> Any:  # noqa: N802  one letter a model keeps the table below readable
    return User.objects.using(using)


QUERIES: dict[str, Callable[[str], Any]] = {
    "all": lambda db: U(db).order_by("-id"),
    "filter": lambda db: U(db).filter(category="general").order_by("id"),
    "filter nothing": lambda db: U(db).filter(category="none"),
    "none": lambda db: U(db).none(),
    "exclude": lambda db: U(db).exclude(category="general").order_by("id"),
    "exclude null": lambda db: S(db).exclude(ended_at=NOON).order_by("id"),
    "exclude below": lambda db: S(db).exclude(ended_at__lt=NOON + timedelta(hours=1)).order_by("id"),
    "exclude at most": lambda db: S(db).exclude(ended_at__lte=NOON).order_by("id"),
    "below with null": lambda db: S(db).filter(ended_at__lt=NOON + timedelta(hours=1)).order_by("id"),
    "at most with null": lambda db: S(db).filter(ended_at__lte=NOON).order_by("id"),
    "above": lambda db: U(db).filter(size_bytes__gt=1).order_by("id"),
    "is null": lambda db: S(db).filter(ended_at__isnull=True).order_by("id"),
    "is not null": lambda db: S(db).filter(ended_at__isnull=False).order_by("id"),
    "q or": lambda db: U(db).filter(Q(size_bytes=0) | Q(category="avatar")).order_by("id"),
    "q not": lambda db: U(db).filter(~Q(size_bytes=0) & ~Q(category="avatar")).order_by("id"),
    "q xor": lambda db: U(db).filter(Q(size_bytes=0) ^ Q(category="avatar")).order_by("id"),
    "in": lambda db: U(db).filter(category__in=["avatar", "invoice"]).order_by("id"),
    "in nothing": lambda db: U(db).filter(category__in=[]),
    "in subquery": lambda db: U(db).filter(owner__in=P(db).filter(name="Bob")).order_by("id"),
    "range": lambda db: U(db).filter(created_at__range=(NOON, NOON + timedelta(hours=3))).order_by("id"),
    "date": lambda db: U(db).filter(created_at__date=NOON.date()).order_by("id"),
    "year": lambda db: U(db).filter(created_at__year=2026).order_by("id"),
    "hour": lambda db: U(db).filter(created_at__hour__gte=20).order_by("id"),
    "text": lambda db: U(db).filter(filename__icontains="FILE-0000").order_by("id"),
    "prefix": lambda db: U(db).filter(filename__startswith="file-0001").order_by("id"),
    "two columns": lambda db: U(db).filter(size_bytes__lt=Length("category")).order_by("id"),
    "order with ties": lambda db: U(db).order_by("size_bytes", "-id"),
    "order with nulls": lambda db: S(db).order_by("ended_at", "id"),
    "order with nulls down": lambda db: S(db).order_by("-ended_at", "id"),
    "nulls last": lambda db: S(db).order_by(F("ended_at").asc(nulls_last=True), "id"),
    "nulls first, some columns": lambda db: (
        S(db).order_by(F("ended_at").desc(nulls_first=True), "id").values_list("counter")
    ),
    "order by expression": lambda db: U(db).order_by(Lower("category"), "id"),
    "order by expression and column": lambda db: U(db).order_by("size_bytes", Lower("category"), "id").values("key"),
    "order by annotation": lambda db: U(db).annotate(n=F("size_bytes") * 2).order_by("-n", "id"),
    "order by column not selected": lambda db: U(db).order_by("-size_bytes", "id").values_list("filename", flat=True),
    "order by joined": lambda db: U(db).order_by("-owner__email", "id"),
    "order by joined, some columns": lambda db: U(db).order_by("owner__email", "id").values("key", "owner__name"),
    "reverse": lambda db: U(db).order_by("id").reverse(),
    "slice": lambda db: U(db).order_by("id")[2:5],
    "slice to the end": lambda db: U(db).order_by("id")[9:],
    "slice past the end": lambda db: U(db).order_by("id")[50:60],
    "values": lambda db: U(db).order_by("id").values("filename", "category"),
    "values list": lambda db: U(db).order_by("id").values_list("id", "owner_id")[:4],
    "only": lambda db: U(db).only("filename").order_by("created_at")[:4],
    "defer": lambda db: U(db).defer("filename").order_by("created_at")[:4],
    "distinct": lambda db: U(db).values_list("category", flat=True).order_by("category").distinct(),
    "distinct slice": lambda db: U(db).values_list("category", flat=True).order_by("-category").distinct()[:2],
    "annotate value": lambda db: U(db).annotate(one=Value(1)).order_by("id").values("one", "key"),
    "annotate case": lambda db: U(db).annotate(b=Case(When(size_bytes__gt=1, then=1), default=0)).order_by("b", "id"),
    "group": lambda db: U(db).order_by("category").values("category").annotate(n=Count("id"), s=Sum("size_bytes")),
    "group having": lambda db: P(db).annotate(n=Count("uploads")).filter(n__gt=0).order_by("-n", "id"),
    "group ordered": lambda db: P(db).annotate(n=Count("uploads")).order_by("-n", "id"),
    "group sliced": lambda db: P(db).annotate(newest=Max("uploads__created_at")).order_by("id")[:2],
    "exists": lambda db: P(db).filter(Exists(U(db).filter(owner=OuterRef("pk"), size_bytes=3))).order_by("id"),
    "select related": lambda db: U(db).select_related("owner").order_by("-id")[:5],
    "select related by owner": lambda db: U(db).select_related("owner").filter(owner__name="Alice").order_by("id"),
    "select related not owner": lambda db: U(db).select_related("owner").exclude(owner__name="Alice").order_by("id"),
    "joined or own": lambda db: U(db).filter(Q(owner__name="Alice") | Q(size_bytes=3)).order_by("id"),
    "joined null": lambda db: P(db).filter(uploads__isnull=True).order_by("id"),
    "joined many": lambda db: P(db).filter(uploads__category="avatar").order_by("id"),
    "joined distinct": lambda db: P(db).filter(uploads__size_bytes__gte=1).order_by("id").distinct(),
    "excluded many": lambda db: P(db).exclude(uploads__category="avatar").order_by("id"),
    "two joins": lambda db: S(db).filter(user__uploads__size_bytes=0).order_by("id"),
    "union": lambda db: U(db).filter(size_bytes=0).union(U(db).filter(size_bytes=3)).order_by("id"),
    "dates": lambda db: U(db).datetimes("created_at", "hour", order="DESC"),
    "iterator": lambda db: U(db).order_by("id").iterator(chunk_size=5),
}
SCALARS: dict[str, Callable[[str], Any]] = {
    "count": lambda db: U(db).count(),
    "count filtered": lambda db: U(db).filter(category="general").count(),
    "count nothing": lambda db: U(db).filter(category="none").count(),
    "count slice": lambda db: U(db).order_by("id")[3:8].count(),
    "count distinct": lambda db: U(db).values("category").distinct().count(),
    "count joined": lambda db: U(db).filter(owner__name="Alice").count(),
    "count annotated": lambda db: P(db).annotate(n=Count("uploads")).filter(n=6).count(),
    "count selected": lambda db: U(db).select_related("owner").count(),
    "aggregate": lambda db: U(db).aggregate(Count("id"), Sum("size_bytes"), Min("size_bytes"), Avg("size_bytes")),
    "aggregate filtered": lambda db: U(db).aggregate(n=Count("id", filter=Q(size_bytes=0))),
    "aggregate distinct": lambda db: U(db).aggregate(n=Count("category", distinct=True)),
    "aggregate arithmetic": lambda db: U(db).aggregate(n=Sum("size_bytes") + Count("id")),
    "aggregate nothing": lambda db: U(db).filter(key="no").aggregate(Count("id"), Max("created_at"), Avg("size_bytes")),
    "aggregate nothing default": lambda db: U(db).filter(key="no").aggregate(n=Sum("size_bytes", default=7)),
    "aggregate nothing coalesce": lambda db: U(db).filter(key="no").aggregate(n=Coalesce(Sum("size_bytes"), 5)),
    "aggregate nothing arithmetic": lambda db: U(db).filter(key="no").aggregate(n=Count("id") + 1),
    "aggregate null": lambda db: S(db).aggregate(Count("ended_at"), Min("ended_at")),
    "aggregate over group": lambda db: P(db).annotate(n=Count("uploads")).aggregate(Max("n"), Sum("n")),
    "exists": lambda db: U(db).filter(size_bytes=3).exists(),
    "exists not": lambda db: U(db).filter(size_bytes=99).exists(),
    "exists distinct": lambda db: U(db).values("category").distinct().exists(),
    "first": lambda db: U(db).first(),
    "last": lambda db: U(db).last(),
    "latest": lambda db: U(db).latest("created_at"),
    "contains": lambda db: U(db).contains(U("default").first()),
    "in bulk": lambda db: sorted(U(db).in_bulk([U("default").first().pk])),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_gives_the_rows_that_the_parent_gives(people: list[User], stock: str, name: str) -> None:
    ours, theirs = (list(QUERIES[name](alias)) for alias in ("default", stock))
    assert ours == theirs
    assert [getattr(row, "__dict__", row).keys() if hasattr(row, "__dict__") else row for row in ours] == [
        getattr(row, "__dict__", row).keys() if hasattr(row, "__dict__") else row for row in theirs
    ]


@pytest.mark.parametrize("name", SCALARS)
def test_a_query_gives_the_value_that_the_parent_gives(people: list[User], stock: str, name: str) -> None:
    assert SCALARS[name]("default") == SCALARS[name](stock)


def test_a_distinct_count_of_nothing_is_nought(people: list[User]) -> None:
    # The parent's own form is refused by the server.
    assert Upload.objects.filter(key="no").aggregate(n=Count("category", distinct=True)) == {"n": 0}


def test_a_related_row_is_read_in_the_same_query(
    people: list[User], django_assert_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_num_queries(1):
        names = {upload.owner.name for upload in Upload.objects.select_related("owner")[:6]}
    assert names == {"Alice", "Bob"}


def test_a_row_whose_owner_is_gone_is_left_out_of_a_joined_page(people: list[User]) -> None:
    newest = Upload.objects.order_by("-id")[0]
    Upload.objects.filter(pk=newest.pk).update(owner_id=uuid7())
    page = Upload.objects.select_related("owner").order_by("-id")[:3]
    assert newest not in page
    assert len(page) == 2  # the parent fills the page from the next; see MongoQuery.get_pipeline
