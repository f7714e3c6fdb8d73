"""Every endpoint and every list of staff, at 20,000 documents a collection, reads no more than it shows."""

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts import keyring, links, outbox
from accounts.delivery import deliver_due
from accounts.events import email_digest
from accounts.models import OutboxMail, SecurityEvent, Session, SigningKey, User
from accounts.sessions import prune_sessions
from nocturnal_project import clock
from nocturnal_project.identifiers import first_uuid7, uuid7
from nocturnal_project.mongodb.tests.rows import collection_of, new_upload, new_user
from nocturnal_project.mongodb.tests.walk import Sent, Walk
from ratelimits.models import LimitEvent, LimitOverride
from ratelimits.policies import put_in_force
from ratelimits.retention import PRUNED_AT_ONCE
from ratelimits.subjects import account_subject
from tests.test_urls import METHODS, routes
from uploads import services
from uploads.content_types import EXTENSIONS
from uploads.models import CategoryUsage, StorageUsage, Upload
from uploads.tests import samples

DOCUMENTS = 20_000
OWNERS = 40
PASSWORD = "correct horse battery staple"
API_PAGE, STAFF_PAGE = 50, 50
ONE = 2  # a row by its key, and one to spare

# Read whole on purpose: as many rows as the code has, not as there are people or files.
FIXED = {
    "django_migrations": "ready compares every migration; one row each",
    "auth_permission": "the form of a user or group offers every permission; four a model",
    "auth_group": "the form of a user offers every group; staff make a handful",
    "accounts_signingkey": "the ring is read whole: a key for each rotation of the last month",
    "auth_group_permissions": "a group goes with its permissions; at most one for each permission",
}
MOST_FIXED = 700
# What the worker and the commands take at once.
BATCHES = {"deliver": 20, "prune": 20}
# fmt: off
EXCEPTIONS = {
    ("DELETE /api/v1/me", "uploads_upload"): "an account goes with all its files, so all its rows are read",
    ("DELETE /api/v1/me", "accounts_session"): "the same for its sessions",
    ("POST /api/v1/auth/logout?scope=others", "accounts_session"): "every session of the user is ended",
    ("POST /api/v1/auth/logout?scope=global", "accounts_session"): "the same",
    ("GET /admin/ratelimits/limitevent/?kind__exact=blocked&q=203.0.113.7", "ratelimits_limitevent"):
        "of what one address did, one kind is looked for",
    ("POST /api/v1/auth/password/change", "accounts_session"): "the same",
    ("POST /api/v1/auth/password/reset/confirm", "accounts_session"): "the same",
}
# fmt: on


def made(number: int) -> tuple[UUID, datetime]:
    """Return the key and the time of a row: they spread over 200 days and end now."""
    moment = datetime.now(UTC) - timedelta(days=200) * ((DOCUMENTS - number) / DOCUMENTS)
    return UUID(int=first_uuid7(moment).int + number), moment


def users() -> Iterator[User]:
    for number in range(DOCUMENTS):
        key, moment = made(number)
        odd = number % 200
        yield new_user(
            f"user{number:05}@example.com",
            pk=key, created_at=moment, name=f"Name {number:05}", is_active=odd != 7, is_staff=odd == 9,
        )  # fmt: skip


def uploads(owners: list[User]) -> Iterator[Upload]:
    types = tuple(EXTENSIONS)
    for number in range(DOCUMENTS):
        key, moment = made(number)
        yield new_upload(
            owners[number % OWNERS], number, pk=key, created_at=moment,
            category=f"category{number // OWNERS % 4}", content_type=types[number % len(types)],
            sha256=f"{number:064x}", status={3: "pending", 5: "rejected"}.get(number // OWNERS % 50, "ready"),
        )  # fmt: skip


def sessions(people: list[User]) -> Iterator[Session]:
    reasons = Session.EndReason.values
    for number, user in enumerate(people):
        key, moment = made(number)
        reason = reasons[number % len(reasons)] if number % 10 == 0 else ""
        yield Session(
            pk=key, user=user, device_id=uuid7(), user_agent="Firefox", created_at=moment, end_reason=reason,
            ended_at=moment if reason else None, expires_at=datetime.now(UTC) + timedelta(days=30),
        )  # fmt: skip


def events(people: list[User]) -> Iterator[SecurityEvent]:
    """Half are about the owners, who have hundreds each; every 100th refusal named an e-mail without an account."""
    kinds = SecurityEvent.Kind.values
    for number in range(DOCUMENTS):
        key, moment = made(number)
        somebody = people[-OWNERS + number // 2 % OWNERS] if number % 2 else people[number]
        unknown = number % 100 == 0
        yield SecurityEvent(
            pk=key, kind=kinds[number % len(kinds)], user_id=None if unknown else somebody.pk, actor_id=None,
            session_id=made(number)[0] if number % 3 == 0 else None,
            email_digest=email_digest("user19961@example.com" if number % 200 else "nobody@example.com")
            if unknown else "",
            address=f"203.0.{number % 50}.{number % 250}", user_agent="Firefox", at=moment,
            expires_at=datetime.now(UTC) + timedelta(days=30),
        )  # fmt: skip
    for number in range(3 * PRUNED_AT_ONCE):  # for the command to remove; the server's own monitor may be quicker
        yield SecurityEvent(kind="signed_in", at=made(number)[1], expires_at=made(number)[1])


def limit_events(people: list[User]) -> Iterator[LimitEvent]:
    """Of every hundred a third is about one address, which comes back for ever; the rest about everybody else."""
    kinds = LimitEvent.Kind.values
    for number in range(DOCUMENTS):
        key, moment = made(number)
        others = (
            f"ip:198.51.{number % 90}.{number % 250}", f"user:{people[number].pk}",
            f"ip:2001:db8:{number % 900:x}::/56", str(account_subject("user19961@example.com")),
        )  # fmt: skip
        subject = "ip:203.0.113.7" if number % 3 == 0 else others[number % len(others)]
        yield LimitEvent(pk=key, kind=kinds[number % len(kinds)], policy="auth", subject=subject, created_at=moment)


def actions(person: User) -> Iterator[LogEntry]:
    kind = ContentType.objects.get_for_model(User)
    for number in range(DOCUMENTS):
        _, moment = made(number)
        yield LogEntry(
            user_id=made(number % 1000)[0], content_type=kind, object_id=str(number % 2000), object_repr="x",
            action_flag=CHANGE, action_time=moment,
        )  # fmt: skip
    yield LogEntry(user=person, content_type=kind, object_id=str(person.pk), object_repr="x", action_flag=CHANGE)


@pytest.fixture(scope="module")
def db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Let everything here reach the data and leave it as it is."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def walk(db: None) -> Iterator[Walk]:
    """Fill the collections, ask everything once, and empty them."""
    people = User.objects.bulk_create(users())
    owners = people[-OWNERS:]
    Upload.objects.bulk_create(uploads(owners))
    StorageUsage.objects.bulk_create(StorageUsage(pk=user.pk, used_bytes=at) for at, user in enumerate(people))
    CategoryUsage.objects.bulk_create(CategoryUsage(pk=f"c{at}", used_bytes=at) for at in range(DOCUMENTS))
    Session.objects.bulk_create(sessions(people))
    SecurityEvent.objects.bulk_create(events(people))
    LimitEvent.objects.bulk_create(limit_events(people))
    root = User.objects.create_superuser("root@example.com", PASSWORD)
    LogEntry.objects.bulk_create(actions(root))
    walk = Walk()
    try:
        with walk.watching():
            operators_rotate(walk)
            clients_ask(walk, owners[0])
            commands_ask(walk, owners[0])
            staff_ask(walk, root, owners[1])
            staff_ask_about_limits(walk, root, owners[1])
            operators_prune(walk)
        yield walk
    finally:
        put_in_force({})
        mine = (Upload, StorageUsage, CategoryUsage, Session, SecurityEvent, SigningKey, OutboxMail)
        for model in (*mine, LimitEvent, LimitOverride, LogEntry, Group, User.groups.through, User):
            collection_of(model).delete_many({})


def signed_in(walk: Walk, email: str, **more: Any) -> tuple[APIClient, dict[str, Any]]:
    tokens = walk.ask(APIClient(), "post", "/api/v1/auth/login", {"email": email, "password": PASSWORD, **more}).json()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access_token']}")
    return client, tokens


def operators_rotate(walk: Walk) -> None:
    for arguments in (["--now"], ["--now", "--revoke-old"], [], [], ["--list"]):
        walk.step = f"rotate_signing_key {' '.join(arguments)}"
        call_command("rotate_signing_key", *arguments, stdout=io.StringIO())
    walk.step = "reading the ring"
    keyring.refresh(datetime.now(UTC))


def clients_ask(walk: Walk, owner: User) -> None:
    owner.set_password(PASSWORD)
    owner.save()
    walk.step = "preparing"
    for path in ("", "/live", "/ready"):
        walk.ask(APIClient(), "get", f"/api/health{path}")
    walk.ask(APIClient(), "get", "/api/schema/")
    walk.ask(APIClient(), "get", "/api/docs/")
    ask_about_accounts(walk, owner)
    client, _ = signed_in(walk, owner.email)
    ask_for_lists(walk, client)
    ask_for_events(walk, client)
    ask_about_files(walk, client, Upload.objects.filter(owner=owner, status="ready")[0])
    leave(walk)


def ask_about_accounts(walk: Walk, owner: User) -> None:
    new = {"email": "new@example.com", "password": PASSWORD}
    for key, status in (("once", 201), ("once", 201), ("again", 409)):
        walk.ask(APIClient(), "post", "/api/v1/auth/register", new, status=status, headers={"Idempotency-Key": key})
    for email in (owner.email, "nobody@example.com"):
        walk.ask(APIClient(), "post", "/api/v1/auth/login", {"email": email, "password": "wrong"}, status=401)
    _, tokens = signed_in(walk, owner.email)
    client, _ = signed_in(walk, owner.email, device_token=tokens["device_token"])
    for _ in range(2):
        walk.ask(
            APIClient(), "post", "/api/v1/auth/refresh",
            {"refresh_token": signed_in(walk, owner.email)[1]["refresh_token"]},
        )  # fmt: skip
    walk.ask(client, "get", "/api/v1/me")
    walk.ask(client, "get", "/api/v1/me/rate-limits")
    walk.ask(client, "patch", "/api/v1/me", {"name": "Owner"})
    ask_about_devices(walk, client, owner)
    ask_for_mails(walk, owner)
    for scope in ("local", "others", "global"):
        _, *more = [signed_in(walk, owner.email)[1]["refresh_token"] for _ in range(4)]
        token = more[0]
        walk.ask(
            APIClient(), "post", f"/api/v1/auth/logout?scope={scope}", {"refresh_token": token}, status=204
        )  # fmt: skip


def ask_about_devices(walk: Walk, client: APIClient, owner: User) -> None:
    walk.step = "preparing"
    later = datetime.now(UTC) + timedelta(days=30)
    Session.objects.bulk_create(Session(user=owner, device_id=uuid7(), expires_at=later) for _ in range(120))
    page = walk.ask(client, "get", "/api/v1/me/sessions").json()
    second = walk.ask(client, "get", page["next"].partition("testserver")[2]).json()
    walk.ask(client, "get", second["previous"].partition("testserver")[2])
    walk.ask(client, "delete", f"/api/v1/me/sessions/{second['results'][0]['id']}", status=204)
    passwords = {"current_password": PASSWORD, "new_password": PASSWORD}
    walk.ask(client, "post", "/api/v1/auth/password/change", passwords, status=204)


def ask_for_mails(walk: Walk, owner: User) -> None:
    path = "/api/v1/auth"
    walk.ask(APIClient(), "post", f"{path}/password/reset", {"email": owner.email}, status=202)
    walk.ask(APIClient(), "post", f"{path}/email/verify", {"email": owner.email}, status=202)
    walk.ask(APIClient(), "post", f"{path}/email/verify", {"token": "none of ours"}, status=403)
    now, fresh = clock.now(), User.objects.get(pk=owner.pk)
    token = {"token": links.verification_token(fresh, now=now)}
    walk.ask(APIClient(), "post", f"{path}/email/verify", token, status=204)
    token = {"token": links.reset_token(fresh, now=now), "new_password": PASSWORD}
    walk.step = "preparing"
    later = datetime.now(UTC) + timedelta(days=30)
    Session.objects.bulk_create(Session(user=owner, device_id=uuid7(), expires_at=later) for _ in range(20))
    walk.ask(APIClient(), "post", f"{path}/password/reset/confirm", token, status=204)


def commands_ask(walk: Walk, owner: User) -> None:
    """Have mails delivered and sessions pruned among many."""
    now = clock.now()
    OutboxMail.objects.bulk_create(
        OutboxMail(kind="reset", email="nobody@example.com", created_at=now, due_at=now + timedelta(hours=1))
        for _ in range(DOCUMENTS)
    )
    for kind in OutboxMail.Kind:
        outbox.post_mail(kind=kind, email=owner.email, now=now)
    walk.step = "deliver"
    deliver_due()
    # Seen from next week, because MongoDB itself removes what ran out long before today.
    soon, next_week = now + timedelta(minutes=1), now + timedelta(days=8)
    Session.objects.bulk_create(Session(user=owner, device_id=uuid7(), expires_at=soon) for _ in range(30))
    walk.step = "prune"
    assert prune_sessions(now=next_week, at_most=20) == 20


def ask_for_lists(walk: Walk, client: APIClient) -> None:
    recently, long_ago = (datetime.now(UTC) - timedelta(days=days) for days in (5, 190))
    whens = ("", *(f"created_after={when:%Y-%m-%dT%H:%M:%SZ}" for when in (recently, long_ago)))
    statuses = ("", *(f"status={status}" for status in Upload.Status.values))
    for parts in product(("", "category=category1", "category=none"), statuses, whens):
        query = "&".join(filter(None, parts))
        page = walk.ask(client, "get", f"/api/v1/uploads?{query}").json()
        if page["next"]:
            second = walk.ask(client, "get", page["next"].partition("testserver")[2]).json()
            walk.ask(client, "get", second["previous"].partition("testserver")[2])


def ask_for_events(walk: Walk, client: APIClient) -> None:
    page = walk.ask(client, "get", "/api/v1/me/security-events").json()
    second = walk.ask(client, "get", page["next"].partition("testserver")[2]).json()
    walk.ask(client, "get", second["previous"].partition("testserver")[2])


def ask_about_files(walk: Walk, client: APIClient, hers: Upload) -> None:
    somebody_elses = Upload.objects.exclude(owner_id=hers.owner_id)[0]
    walk.ask(client, "get", f"/api/v1/uploads/{somebody_elses.pk}", status=404)
    for part, status in (("", 200), ("/url", 200), ("/content", 302)):
        walk.ask(client, "get", f"/api/v1/uploads/{hers.pk}{part}", status=status)
    made_one = {}
    for key in ("", "once", "once"):
        file = SimpleUploadedFile("a.txt", b"hello\n", "text/plain")
        headers = {"Idempotency-Key": key} if key else {}
        answer = walk.ask(
            client, "post", "/api/v1/uploads", {"file": file}, status=201, format="multipart", headers=headers
        )
        made_one = answer.json()
    link = walk.ask(client, "get", f"/api/v1/uploads/{made_one['id']}/url").json()["url"]
    walk.ask(client, "get", "/files/" + link.partition("/files/")[2]).close()
    ask_for_thumbnails(walk, client)
    walk.ask(client, "delete", f"/api/v1/uploads/{made_one['id']}", status=204)
    walk.ask(client, "get", "/api/v1/uploads/usage")
    send_one_directly(walk, client, b"hello\n")


def send_one_directly(walk: Walk, client: APIClient, content: bytes) -> None:
    said = {"filename": "b.txt", "content_type": "text/plain", "size_bytes": len(content)}
    said |= {"sha256": hashlib.sha256(content).hexdigest()}
    presigned = walk.ask(client, "post", "/api/v1/uploads/presign", said, status=201).json()
    here = f"/api/v1/uploads/{presigned['upload']['id']}"
    walk.ask(client, "get", f"{here}/parts")
    form = {**presigned["fields"], "file": SimpleUploadedFile("b.txt", content, "text/plain")}
    walk.ask(APIClient(), "post", "/files/", form, status=204, format="multipart")
    walk.ask(APIClient(), "get", "/files/", status=405)
    walk.ask(client, "post", f"{here}/complete", {})
    walk.ask(client, "delete", here, status=204)


def ask_for_thumbnails(walk: Walk, client: APIClient) -> None:
    for content, statuses in ((samples.PNG, (302, 302)), (samples.BROKEN_PNG, (404, 404))):
        file = SimpleUploadedFile("a.png", content, "image/png")
        made = walk.ask(client, "post", "/api/v1/uploads", {"file": file}, status=201, format="multipart").json()
        for status in statuses:
            walk.ask(client, "get", f"/api/v1/uploads/{made['id']}/thumbnail", status=status)
        walk.ask(client, "delete", f"/api/v1/uploads/{made['id']}", status=204)


def leave(walk: Walk) -> None:
    walk.step = "preparing"
    leaving = User.objects.create_user("leaving@example.com", PASSWORD)
    for number in range(3):
        incoming = services.Incoming(io.BytesIO(b"hello\n"), 6, f"{number}.txt", "")
        services.store_upload(owner_id=leaving.pk, incoming=incoming, category="general", now=datetime.now(UTC))
    clients = [signed_in(walk, leaving.email)[0] for _ in range(4)]
    walk.ask(clients[0], "delete", "/api/v1/me", status=204)


QUERIES: dict[type[Model], tuple[str, ...]] = {
    User: (
        "q=user00123", "q=USER00123@example.com", "q=user", "q=Name+0", "q=zzz",
        "is_active__exact=1", "is_active__exact=0", "is_staff__exact=1", "is_staff__exact=0",
    ),
    Session: (
        "q=user00123@", "q=user", "q=user19", "q=nobody",
        *(f"end_reason__exact={reason}" for reason in ("", *Session.EndReason.values)),
    ),
    SecurityEvent: (
        "q=user19961@example.com", "q=user1996@", "q=user@", "q=nobody@example.com", "q=203.0.7.7", "q=203.0.7", "q=2",
        f"q={made(18000)[0]}", f"q={made(19961)[0]}", "q=zzz",
        *(f"kind__exact={kind}" for kind in SecurityEvent.Kind.values),
    ),
    Upload: (
        "q=file-00123", "q=file", "q=0000", "q=user19", "q=user19961@", "q=user@", "q=user1996@",
        *(f"status__exact={status}" for status in Upload.Status.values),
        *(f"type={kind}" for kind in EXTENSIONS),
    ),
    StorageUsage: ("q=user00123@", "q=user", "q=user19"),
    Group: ("q=R",),
    SigningKey: (),
    LimitEvent: (
        "q=203.0.113.7", "q=ip:203.0.113.7", "q=203.0", "q=2", "q=2001:db8:7::1", "q=2001:db8",
        "q=user19961@example.com",
        "q=user1996@", "q=user@", "q=user", "q=zzz", f"q={made(19961)[0]}",
        *(f"kind__exact={kind}" for kind in LimitEvent.Kind.values), "kind__exact=blocked&created=week",
        "kind__exact=blocked&q=203.0.113.7",
    ),
    LimitOverride: (),
}  # fmt: skip
PERIODS = tuple(f"created={period}" for period in ("today", "week", "month", "year"))


def staff_ask(walk: Walk, root: User, owner: User) -> None:
    walk.step = "preparing"
    group = Group.objects.create(name="Readers")
    group.permissions.set(
        Permission.objects.filter(
            codename__in=[
                "view_user",
                "view_session",
                "view_upload",
                "view_storageusage",
                "view_group",
                "view_securityevent",
                "view_limitevent",
                "view_limitoverride",
            ]
        )
    )
    reader = User.objects.create_user("reader@example.com", PASSWORD, is_staff=True)
    reader.groups.add(group)
    browser, readers = Client(), Client()
    walk.ask(browser, "post", reverse("admin:login"), {"username": root.email, "password": PASSWORD}, status=302)
    walk.ask(readers, "post", reverse("admin:login"), {"username": reader.email, "password": PASSWORD}, status=302)
    for model, model_admin in admin.site._registry.items():
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        columns = range(len(model_admin.list_display) + 1 if model is not LimitOverride else 0)
        orders = [f"o={sign}{column}" for column in columns for sign in ("", "-")]
        dated = PERIODS if "created" in model_admin.list_display else ()
        for query in ("", "p=2", "p=400", *orders, *QUERIES[model], *dated):
            walk.ask(browser, "get", f"{path}?{query}")
        walk.ask(readers, "get", path, status=403 if model is SigningKey else 200)
    walk.ask(browser, "get", reverse("admin:index"))
    walk.ask(browser, "get", reverse("admin:app_list", args=["accounts"]))
    look_at_one(walk, browser, User, owner.pk)
    look_at_one(walk, browser, SecurityEvent, SecurityEvent.objects.all()[0].pk)
    look_at_one(walk, browser, Session, Session.objects.all()[0].pk)
    look_at_one(walk, browser, Upload, Upload.objects.filter(owner=owner)[0].pk)
    staff_ask_about_files(walk, browser, owner)
    look_at_one(walk, browser, Group, group.pk)
    look_at_one(walk, browser, SigningKey, SigningKey.objects.all()[0].pk)
    act(walk, browser, owner)


def staff_ask_about_files(walk: Walk, browser: Client, owner: User) -> None:
    walk.step = "preparing"
    picture = io.BytesIO(samples.PNG)
    incoming = services.Incoming(picture, len(samples.PNG), "a.png", "")
    upload, _ = services.store_upload(owner_id=owner.pk, incoming=incoming, category="new", now=datetime.now(UTC))
    thumbnail = reverse("admin:uploads_upload_thumbnail", args=[upload.pk])
    walk.ask(browser, "get", thumbnail, status=302)
    for query in ("", "p=2", "type=image/png", "status__exact=quarantined", "q=user19961@"):
        walk.ask(browser, "get", f"{reverse('admin:uploads_upload_gallery')}?{query}")
    page = reverse("admin:uploads_upload_changelist")
    chosen = {"_selected_action": [str(upload.pk)]}
    for action, shown in (("quarantine", 200), ("release", 302), ("delete_files", 404)):
        walk.ask(browser, "post", page, {**chosen, "action": action})
        walk.ask(browser, "post", page, {**chosen, "action": action, "confirmed": "yes"}, status=302)
        walk.ask(browser, "get", thumbnail, status=shown)
    quota = reverse("admin:uploads_storageusage_change", args=[owner.pk])
    walk.ask(browser, "get", quota)
    walk.ask(browser, "post", quota, {"limit": "own", "amount": "2", "unit": "GiB"}, status=302)


def staff_ask_about_limits(walk: Walk, root: User, somebody: User) -> None:
    walk.step = "preparing"
    browser = Client()
    walk.ask(browser, "post", reverse("admin:login"), {"username": root.email, "password": PASSWORD}, status=302)
    look_at_one(walk, browser, LimitEvent, LimitEvent.objects.all()[0].pk)
    for question in ("", "203.0.113.7", somebody.email, "nobody@example.com", str(somebody.pk)):
        for page in ("rate_limits", "rate_limits_live"):
            walk.ask(browser, "get", reverse(page), {"q": question})
    form = {"subject": f"user:{somebody.pk}", "mode": "strict", "seconds": "900"}
    for action in ("hold", "lift", "reset"):
        walk.ask(browser, "get", reverse(f"rate_limits_{action}"), form)
        walk.ask(browser, "post", reverse(f"rate_limits_{action}"), form, status=302)
    page = reverse("admin:ratelimits_limitoverride_change", args=["api"])
    walk.ask(browser, "get", page)
    for number in ("200", "300"):
        walk.ask(browser, "post", page, {"normal": number}, status=302)
    walk.ask(browser, "post", page, {"give_back": "yes"}, status=302)


def operators_prune(walk: Walk) -> None:
    walk.step = "manage.py prune_limit_events"
    call_command("prune_limit_events", stdout=io.StringIO())
    walk.step = "manage.py prune_security_events"
    call_command("prune_security_events", stdout=io.StringIO())


def look_at_one(walk: Walk, browser: Client, model: type[Model], key: Any) -> None:
    kept = {Session, SecurityEvent, SigningKey, LimitEvent}
    for page in ("change", "history", *(("delete",) if model not in kept else ())):
        walk.ask(browser, "get", reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=[key]))


def act(walk: Walk, browser: Client, owner: User) -> None:
    some = User.objects.order_by("id")[:2]
    chosen = {"_selected_action": [str(user.pk) for user in some]}
    for action in ("deactivate", "reactivate", "end_sessions", "require_password_reset"):
        asked = {**chosen, "action": action}
        walk.ask(browser, "post", reverse("admin:accounts_user_changelist"), asked)
        walk.ask(browser, "post", reverse("admin:accounts_user_changelist"), {**asked, "confirmed": "yes"}, status=302)
    for action in ("deactivate", "end_sessions", "require_password_reset"):
        page = reverse("admin:accounts_user_change", args=[owner.pk]).replace("change/", action.replace("_", "-") + "/")
        walk.ask(browser, "get", page)
    form = {"email": owner.email, "name": "Other"}
    walk.ask(browser, "post", reverse("admin:accounts_user_change", args=[owner.pk]), form, status=302)
    rows = {
        "_selected_action": [str(row.pk) for row in Session.objects.filter(user=owner)[:2]],
        "action": "end",
        "confirmed": "yes",
    }
    walk.ask(browser, "post", reverse("admin:accounts_session_changelist"), rows, status=302)
    walk.ask(browser, "post", reverse("admin:accounts_user_changelist"), {**chosen, "action": "delete_selected"})
    walk.ask(
        browser, "post", reverse("admin:accounts_user_changelist"),
        {**chosen, "action": "delete_selected", "post": "yes"}, status=302,
    )  # fmt: skip


def most(sent: Sent) -> int:
    """Return how many documents a command may read: what its step shows, with the owner of each row of staff's."""
    if sent.collection in FIXED:
        return MOST_FIXED
    path, _, query = sent.step.partition("?")
    pages = 2 if "p=2" in query or "cursor=" in query else 1
    if sent.step in BATCHES:
        return BATCHES[sent.step]
    if re.fullmatch("GET /api/v1/(uploads|me/sessions|me/security-events)", path):
        return API_PAGE * pages + ONE
    lists = "user|session|securityevent|upload|upload/gallery|storageusage|group|limitevent"
    if re.search(rf"/({lists})/(.*/history/)?$", path):
        return 2 * STAFF_PAGE * pages + ONE
    if "prune" in path:
        return PRUNED_AT_ONCE
    return 10 if "/admin/" in path else ONE


def shown(sent: Sent, fault: str) -> str:
    return f"{sent.step} {fault}: {sent.verb} {sent.collection}\n  command {sent.command}\n  plan {sent.plan}"


def test_no_collection_is_read_from_end_to_end(walk: Walk) -> None:
    faults = [shown(sent, "scans") for sent in walk.sent if sent.scans and sent.collection not in FIXED]
    assert not faults, "\n".join(faults)


def test_nothing_more_than_a_page_is_sorted_in_memory(walk: Walk) -> None:
    sorting = [sent for sent in walk.sent if sent.sorts and sent.collection not in FIXED]
    faults = [shown(sent, "sorts") for sent in sorting if max(sent.keys, sent.documents) > most(sent)]
    assert not faults, "\n".join(faults)


def test_no_more_documents_are_read_than_a_page(walk: Walk) -> None:
    faults = [
        shown(sent, f"reads {sent.documents} documents, at most {most(sent)}")
        for sent in walk.sent
        if sent.documents > most(sent) and (sent.step, sent.collection) not in EXCEPTIONS
    ]
    assert not faults, "\n".join(faults)


def test_writes_go_by_key_or_by_owner(walk: Walk) -> None:
    writes = [sent for sent in walk.sent if sent.verb in {"update", "delete"}]
    by = {"_id", "user_id", "owner_id", "device_id", "group_id", "content_type_id"}
    faults = [
        shown(sent, "writes by none of these")
        for sent in writes
        for one in (*sent.command.get("updates", ()), *sent.command.get("deletes", ()))
        if not by & named(one["q"])
    ]
    assert len(writes) > 20
    assert not faults, "\n".join(faults)


def named(condition: Any) -> set[str]:
    if isinstance(condition, dict):
        return set(condition).union(*map(named, condition.values()))
    return set().union(*map(named, condition)) if isinstance(condition, list | tuple) else set()


def test_every_exception_is_needed(walk: Walk) -> None:
    used = {(sent.step, sent.collection) for sent in walk.sent if sent.documents > most(sent)}
    assert set(EXCEPTIONS) == used
    assert set(FIXED) <= {sent.collection for sent in walk.sent if sent.scans or sent.sorts or sent.documents > ONE}


def test_every_route_of_the_api_and_every_list_of_staff_was_asked(walk: Walk) -> None:
    every = {
        (route.path, method)
        for route in routes()
        if route.path.startswith(("/api/", "/files/")) and route.path != "/api/<path:rest>"
        for method in METHODS
        if method in route.methods or (route.methods == set() and method == "get")
    }
    lists = {(f"/admin/{model._meta.app_label}/{model._meta.model_name}/", "get") for model in admin.site._registry}
    assert every | lists <= walk.routes, f"Ask these in {__file__}: {sorted((every | lists) - walk.routes)}"


@pytest.mark.parametrize(
    ("ask", "fault"),
    [
        (lambda: list(Upload.objects.filter(filename__icontains="E-00009")[:50]), "documents"),
        (lambda: list(Upload.objects.order_by("-size_bytes")[:50]), "scans"),
        (lambda: list(Upload.objects.filter(status="ready").order_by("size_bytes")[:50]), "sorts"),
        (lambda: list(Upload.objects.filter(owner__name="Name 19999")[:50]), "documents"),
        (User.objects.count, "scans"),
    ],
)
def test_a_bad_query_would_be_noticed(walk: Walk, ask: Callable[[], object], fault: str) -> None:
    bad = Walk(step="GET /api/v1/uploads")
    with bad.watching():
        ask()
    (sent,) = bad.sent
    assert {"documents": sent.documents > most(sent), "scans": sent.scans, "sorts": sent.sorts}[fault]
