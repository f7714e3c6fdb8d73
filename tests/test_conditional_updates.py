"""Fifty at once on each conditional update: one wins, nothing is lost, nothing is doubled."""

import io
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.db import connections
from django.db.models.signals import post_save
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts import sessions, staff_actions, tokens
from accounts.errors import EmailTaken, SessionRevoked
from accounts.hashers import Argon2idHasher
from accounts.models import Session, User
from conftest import PASSWORD
from nocturnal_project import clock
from nocturnal_project.errors import NotFound
from nocturnal_project.transaction import on_commit
from ratelimits import limiter
from uploads import services, storage
from uploads.errors import IdempotencyConflict
from uploads.models import StorageUsage, Upload

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 50
DEVICE = sessions.Device(id=None, user_agent="Firefox")


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """Start every action at the same moment and return what each returned, or the refusal it raised."""
    start = threading.Barrier(len(actions))
    outcomes: list[Any] = [None] * len(actions)

    def run(number: int, action: Callable[[], Any]) -> None:
        try:
            start.wait(timeout=30)
            outcomes[number] = action()
        except Exception as error:  # noqa: BLE001  every outcome is counted, also one that nobody expects
            outcomes[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    return outcomes


def kinds(outcomes: Sequence[Any]) -> Counter[str]:
    return Counter(type(outcome).__name__ for outcome in outcomes)


def sign_in(user: User, password: str = PASSWORD) -> accounts.SignedIn:
    return accounts.sign_in(email=user.email, password=password, device=DEVICE, now=timezone.now())


def refresh(session: Session) -> Session:
    token = tokens.refresh_token(session_id=session.pk, counter=session.counter)
    return sessions.rotate_refresh_token(token=token, now=timezone.now())[1]


def store(user: User, content: bytes = b"hello\n", key: str = "") -> tuple[Upload, bool]:
    incoming = services.Incoming(io.BytesIO(content), len(content), "a.txt", "")
    return services.store_upload(
        owner_id=user.pk, incoming=incoming, category="general", idempotency_key=key, now=timezone.now()
    )


def register(email: str, key: str = "") -> accounts.SignedIn:
    return accounts.register_user(
        email=email, password=PASSWORD, name="", device=DEVICE, idempotency_key=key, now=timezone.now()
    )


def is_let_in(session: Session) -> bool:
    limiter.local.clear()
    token = tokens.access_token(user_id=session.user_id, session_id=session.pk, issued=timezone.now())
    return bool(APIClient().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 200)


def bytes_are_there(upload: Upload) -> bool:
    try:
        storage.open_bytes(upload.key).close()
    except FileNotFoundError:
        return False
    return True


def test_of_fifty_refreshes_one_moves_the_counter_and_all_get_its_successor(alice: User) -> None:
    session = sign_in(alice).session

    outcomes = at_once(*[lambda: refresh(session).counter] * THREADS)

    assert Counter(map(str, outcomes)) == {"1": THREADS}
    assert Session.objects.get().counter == 1


def test_ten_generations_of_racing_refreshes_are_ten_steps(alice: User) -> None:
    session = sign_in(alice).session

    for generation in range(10):
        outcomes = at_once(*[lambda now=session: refresh(now).counter] * 5)  # type: ignore[misc]  # bound now
        assert set(map(str, outcomes)) == {str(generation + 1)}
        session.refresh_from_db()

    assert session.counter == 10


def test_of_fifty_registrations_of_one_email_one_is_made(db: None) -> None:
    outcomes = at_once(*[lambda: register("alice@example.com")] * THREADS)

    assert kinds(outcomes) == {"SignedIn": 1, EmailTaken.__name__: THREADS - 1}
    assert (User.objects.count(), Session.objects.count()) == (1, 1)


def test_fifty_registrations_with_one_key_are_answered_with_one_account(db: None) -> None:
    outcomes = at_once(*[lambda: register("alice@example.com", key="once")] * THREADS)

    assert kinds(outcomes) == {"SignedIn": THREADS}
    assert {outcome.user.pk for outcome in outcomes} == {User.objects.get().pk}
    assert all(is_let_in(outcome.session) for outcome in outcomes[:3])
    assert register("alice@example.com", key="once").user == User.objects.get()


def test_fifty_uploads_with_one_key_make_one_row_and_one_file(alice: User, files: Any) -> None:
    outcomes = at_once(*[lambda: store(alice, key="once")] * THREADS)

    assert set(kinds(outcomes)) <= {"tuple", IdempotencyConflict.__name__}
    stored = [outcome for outcome in outcomes if isinstance(outcome, tuple)]
    upload = Upload.objects.get()
    assert {each.pk for each, _ in stored} == {upload.pk}
    assert [made for _, made in stored].count(True) == 1
    assert upload.status == Upload.Status.READY
    assert len([path for path in files.rglob("*") if path.is_file()]) == 1
    assert store(alice, key="once") == (upload, False)


def test_fifty_uploads_without_a_key_are_fifty(alice: User, files: Any) -> None:
    outcomes = at_once(*[lambda: store(alice)] * THREADS)

    assert kinds(outcomes) == {"tuple": THREADS}
    assert Upload.objects.filter(status=Upload.Status.READY).count() == THREADS
    assert len([path for path in files.rglob("*") if path.is_file()]) == THREADS


def test_of_fifty_deletions_of_one_row_one_takes_it(alice: User, upload_as: Callable[..., Upload]) -> None:
    upload = upload_as(alice)

    outcomes = at_once(*[lambda: Upload.objects.filter(pk=upload.pk).delete()[0]] * THREADS)

    assert Counter(map(str, outcomes)) == {"1": 1, "0": THREADS - 1}


def test_fifty_deletions_of_one_upload_leave_neither_row_nor_bytes(
    alice: User, bob: User, upload_as: Callable[..., Upload]
) -> None:
    hers, his = upload_as(alice), upload_as(bob)
    session = sign_in(alice).session
    token = tokens.access_token(user_id=alice.pk, session_id=session.pk, issued=timezone.now())

    def delete() -> int:
        answer = APIClient().delete(f"/api/v1/uploads/{hers.pk}", HTTP_AUTHORIZATION=f"Bearer {token}")
        return int(answer.status_code)

    outcomes = at_once(*[delete] * THREADS)

    assert Counter(outcomes) == {204: 1, 404: THREADS - 1}
    assert list(Upload.objects.all()) == [his]
    assert (bytes_are_there(hers), bytes_are_there(his)) == (False, True)


def test_an_upload_deleted_while_it_is_stored_leaves_nothing(alice: User, files: Any) -> None:
    deleted = []

    def delete(upload: Upload) -> None:
        services.delete_upload(upload=upload)
        connections.close_all()

    def delete_when_made(sender: Any, instance: Upload, **_: Any) -> None:
        deleter = threading.Thread(target=delete, args=(instance,))
        deleted.append(deleter)
        on_commit(deleter.start)  # nobody can name a row before

    post_save.connect(delete_when_made, sender=Upload)
    try:
        outcomes = at_once(*[lambda: store(alice)] * 20)
    finally:
        post_save.disconnect(delete_when_made, sender=Upload)
    for deleter in deleted:
        deleter.join(timeout=30)

    # ServiceUnavailable: a local file that is gone between being written and being given its mode.
    assert set(kinds(outcomes)) <= {"tuple", NotFound.__name__, "ServiceUnavailable"}
    assert len(deleted) == 20
    rows = {upload.key for upload in Upload.objects.all()}
    kept = {path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file()}
    assert rows == kept
    assert not Upload.objects.exclude(status=Upload.Status.READY).exists()


def test_a_sign_out_that_races_refreshes_ends_the_session(alice: User) -> None:
    session = sign_in(alice).session
    token = tokens.refresh_token(session_id=session.pk, counter=0)

    def sign_out() -> None:
        sessions.end_sessions(token=token, scope="local", now=timezone.now())

    outcomes = at_once(*[lambda: refresh(session)] * (THREADS - 1), sign_out)

    assert set(kinds(outcomes)) <= {"Session", "NoneType", SessionRevoked.__name__}
    ended = Session.objects.get()
    assert (ended.end_reason, ended.ended_at is None) == (Session.EndReason.SIGNED_OUT, False)
    assert not is_let_in(session)
    for counter in (0, ended.counter):
        session.counter = counter
        with pytest.raises(SessionRevoked):
            refresh(session)


def test_of_fifty_endings_of_a_session_one_counts(alice: User) -> None:
    session = sign_in(alice).session
    reason = Session.EndReason.BY_STAFF

    def end() -> int:
        return sessions.end_session(session_id=session.pk, user_id=alice.pk, reason=reason, now=timezone.now())

    outcomes = at_once(*[end] * THREADS)

    assert Counter(map(str, outcomes)) == {"1": 1, "0": THREADS - 1}


def test_a_hash_that_is_renewed_by_many_sign_ins_is_one_of_the_password(alice: User) -> None:
    hasher = Argon2idHasher()
    hasher.time_cost = 1
    User.objects.filter(pk=alice.pk).update(password=hasher.encode(PASSWORD, hasher.salt()))

    outcomes = at_once(*[lambda: sign_in(alice)] * 16)

    assert kinds(outcomes) == {"SignedIn": 16}
    alice.refresh_from_db()
    assert "t=2" in alice.password
    assert check_password(PASSWORD, alice.password)


def test_a_user_deactivated_while_signing_in_is_not_let_in(alice: User) -> None:
    def deactivate() -> None:
        staff_actions.deactivate(user=alice, now=timezone.now())

    outcomes = at_once(*[lambda: sign_in(alice)] * 16, deactivate)

    assert set(kinds(outcomes)) <= {"SignedIn", "InvalidCredentials", "NoneType"}
    assert not User.objects.get().is_active
    # A sign-in that had checked the password may leave a session behind; each request asks is_active again.
    for session in Session.objects.all():
        assert not is_let_in(session)
        with pytest.raises(SessionRevoked):
            refresh(session)


def test_a_password_that_must_be_reset_while_signing_in_leaves_no_session(alice: User) -> None:
    def require() -> bool:
        return staff_actions.require_password_reset(user=alice, now=timezone.now())

    outcomes = at_once(*[lambda: sign_in(alice)] * 16, require)

    assert set(kinds(outcomes)) <= {"SignedIn", "PasswordResetRequired", "bool"}
    assert not Session.objects.filter(ended_at=None).exists()


def test_of_fifty_deactivations_one_counts(alice: User) -> None:
    outcomes = at_once(*[lambda: staff_actions.deactivate(user=alice, now=timezone.now())] * THREADS)

    assert Counter(outcomes) == {True: 1, False: THREADS - 1}


def test_an_account_closed_while_files_arrive_leaves_nothing_of_it_and_keeps_others(
    alice: User, bob: User, upload_as: Callable[..., Upload], files: Any
) -> None:
    his = upload_as(bob)
    session = sign_in(alice).session

    outcomes = at_once(*[lambda: store(alice)] * 16, lambda: accounts.close_account(user=alice, now=clock.now()))

    assert set(kinds(outcomes)) <= {"tuple", "NoneType", NotFound.__name__, "ServiceUnavailable"}
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not is_let_in(session)
    assert list(Upload.objects.all()) == [his]
    assert [path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file()] == [his.key]


def test_fifty_uploads_at_once_fill_the_quota_exactly(
    alice: User, upload_as: Callable[..., Upload], settings: Any
) -> None:
    settings.UPLOAD_QUOTA_BYTES = 7 * 10

    outcomes = at_once(*[lambda: upload_as(alice, b"x" * 10)] * THREADS)

    assert kinds(outcomes) == {"Upload": 7, "StorageQuotaExceeded": THREADS - 7}
    assert StorageUsage.objects.get(pk=alice.pk).used_bytes == 70


def test_fifty_deletes_at_once_free_the_bytes_once(
    alice: User, upload_as: Callable[..., Upload], settings: Any
) -> None:
    kept, gone = upload_as(alice, b"x" * 10), upload_as(alice, b"x" * 30)

    at_once(*[lambda: services.delete_upload(upload=gone)] * THREADS)

    assert StorageUsage.objects.get(pk=alice.pk).used_bytes == kept.size_bytes
