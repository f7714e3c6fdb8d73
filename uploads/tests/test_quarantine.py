"""Files that staff hold back: given out no longer, also by links from before; seen and deleted by their owners."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.events import Kind, Origin
from accounts.models import SecurityEvent, User
from nocturnal_project import clock
from nocturnal_project.errors import ServiceUnavailable
from uploads import quota, staff, storage
from uploads.models import CategoryUsage, Upload
from uploads.tests import samples
from uploads.tests.test_reconciling import make_older, reconcile

pytestmark = pytest.mark.django_db
PATH = "/api/v1/uploads"
SignIn = Callable[[User], APIClient]
UploadAs = Callable[..., Upload]


@pytest.fixture
def by(make_user: Callable[..., User]) -> staff.By:
    return staff.By(make_user("Sam", is_staff=True), Origin("198.51.100.7"), clock.now())


def _stored(files: Path) -> list[str]:
    return sorted(str(path.relative_to(files)) for path in files.rglob("*") if path.is_file())


def _link(client: APIClient, upload: Upload, what: str = "url") -> str:
    answer = client.get(f"{PATH}/{upload.pk}/{what}")
    link = answer.json()["url"] if what == "url" else answer["Location"]
    return "/files/" + str(link).partition("/files/")[2]


def test_nothing_gives_it_out_and_its_owner_sees_why(
    alice: User, sign_in: SignIn, upload_as: UploadAs, by: staff.By, files: Path
) -> None:
    upload, client = upload_as(alice, samples.PNG, "a.png"), sign_in(alice)
    links = [_link(client, upload), _link(client, upload, "content"), _link(client, upload, "thumbnail")]

    assert staff.quarantine(upload=upload, by=by)

    assert {Client().get(link).status_code for link in links} == {404}
    for what in ("url", "content", "thumbnail"):
        answer = client.get(f"{PATH}/{upload.pk}/{what}")
        assert (answer.status_code, answer.json()["code"]) == (403, "upload_quarantined")
    assert client.get(f"{PATH}/{upload.pk}").json()["status"] == "quarantined"
    assert [row["id"] for row in client.get(f"{PATH}?status=quarantined").json()["results"]] == [str(upload.pk)]
    assert _stored(files) == [f"quarantine/{upload.key}"]  # where no link of S3's leads, and no small picture
    assert quota.usage_of(alice.pk).used_bytes == len(samples.PNG)


def test_released_it_is_as_before(alice: User, sign_in: SignIn, upload_as: UploadAs, by: staff.By, files: Path) -> None:
    upload, client = upload_as(alice, samples.PNG, "a.png"), sign_in(alice)
    staff.quarantine(upload=upload, by=by)

    assert staff.release(upload=upload, by=by)

    answer = Client().get(_link(client, upload))
    assert answer.getvalue() == samples.PNG
    assert _stored(files) == [upload.key]
    assert client.get(f"{PATH}/{upload.pk}/thumbnail").status_code == 302


def test_each_is_recorded_once_with_who_did_it(alice: User, upload_as: UploadAs, by: staff.By) -> None:
    upload = upload_as(alice)

    done = [staff.quarantine(upload=upload, by=by) for _ in range(2)]
    done += [staff.release(upload=upload, by=by) for _ in range(2)]
    done += [staff.delete(upload=upload, by=by) for _ in range(2)]

    assert done == [True, False] * 3
    events = SecurityEvent.objects.filter(user_id=alice.pk).order_by("id")
    assert [(event.kind, event.actor_id, event.address) for event in events] == [
        (kind, by.actor.pk, "198.51.100.7")
        for kind in (Kind.STAFF_QUARANTINED_UPLOAD, Kind.STAFF_RELEASED_UPLOAD, Kind.STAFF_DELETED_UPLOAD)
    ]
    assert {event.details for event in events} == {str(upload.pk)}


@pytest.mark.parametrize("path", ["{}", "/api/v1/me"], ids=["deleting it", "closing the account"])
def test_its_owner_may_remove_it(
    alice: User, sign_in: SignIn, upload_as: UploadAs, by: staff.By, files: Path, path: str
) -> None:
    upload = upload_as(alice, samples.PNG, "a.png")
    staff.quarantine(upload=upload, by=by)

    answer = sign_in(alice).delete(path.format(f"{PATH}/{upload.pk}"))

    assert (answer.status_code, _stored(files), Upload.objects.count()) == (204, [], 0)


def test_what_is_not_stored_is_not_held_back(alice: User, upload_as: UploadAs, by: staff.By) -> None:
    upload = upload_as(alice)
    Upload.objects.update(status=Upload.Status.PENDING)

    assert not staff.quarantine(upload=upload, by=by)
    assert not staff.release(upload=upload, by=by)


def test_a_storage_that_fails_is_told_and_repeating_carries_on(
    alice: User, sign_in: SignIn, upload_as: UploadAs, by: staff.By, files: Path
) -> None:
    upload = upload_as(alice, samples.PNG, "a.png")
    files.rename(files.with_name("away"))
    files.write_text("in the way")

    with pytest.raises(ServiceUnavailable):
        staff.quarantine(upload=upload, by=by)
    assert sign_in(alice).get(f"{PATH}/{upload.pk}/url").json()["code"] == "upload_quarantined"

    files.unlink()
    files.with_name("away").rename(files)
    staff.quarantine(upload=upload, by=by)
    assert _stored(files) == [f"quarantine/{upload.key}"]
    assert SecurityEvent.objects.filter(user_id=alice.pk, kind=Kind.STAFF_QUARANTINED_UPLOAD).count() == 1


@pytest.mark.parametrize("verb", ["quarantine", "release"])
def test_a_crash_between_bytes_and_row_leaves_nothing_that_stays(
    alice: User, upload_as: UploadAs, by: staff.By, files: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    upload = upload_as(alice, samples.PNG, "a.png")
    if verb == "release":
        staff.quarantine(upload=upload, by=by)
    copy = storage.copy_stored

    def crashing(*args: object) -> None:
        copy(*args)  # type: ignore[arg-type]  # what it was given
        raise KeyboardInterrupt

    monkeypatch.setattr(storage, "copy_stored", crashing)
    with pytest.raises(KeyboardInterrupt):
        getattr(staff, verb)(upload=upload, by=by)
    row = Upload.objects.get()
    assert len(_stored(files)) == 2
    assert row.key in _stored(files)

    make_older(files, hours=2)
    _, code = reconcile()

    assert (code, _stored(files)) == (0, [row.key])


def test_reconciling_finds_a_file_that_is_held_back_where_it_is(
    alice: User, upload_as: UploadAs, by: staff.By, files: Path
) -> None:
    upload = upload_as(alice, samples.PNG, "a.png")
    staff.quarantine(upload=upload, by=by)
    make_older(files, hours=2)

    assert reconcile()[1] == 0
    assert _stored(files) == [f"quarantine/{upload.key}"]
    (files / "quarantine" / upload.key).unlink()
    assert reconcile()[1] == 2  # which only a person can mend


def test_a_quota_of_ones_own_is_recorded(alice: User, by: staff.By) -> None:
    for quota_bytes in (5000, 0, None):
        staff.set_quota(owner_id=alice.pk, quota_bytes=quota_bytes, by=by)

    events = SecurityEvent.objects.filter(user_id=alice.pk).order_by("id")
    assert [event.details for event in events] == ["5,000 bytes", "without a limit", "as everybody's"]
    assert quota.usage_of(alice.pk).quota_bytes


def test_categories_are_counted_as_files_come_and_go(
    alice: User, sign_in: SignIn, upload_as: UploadAs, by: staff.By
) -> None:
    _kept, held, gone = [upload_as(alice, b"12345", category=name) for name in ("a", "a", "b")]
    staff.quarantine(upload=held, by=by)
    sign_in(alice).delete(f"{PATH}/{gone.pk}")

    counted = CategoryUsage.objects.order_by("pk").values_list("pk", "used_bytes", "files")

    assert list(counted) == [("a", 10, 2), ("b", 0, 0)]


def test_a_category_that_a_crash_miscounted_is_set_right(
    alice: User, upload_as: UploadAs, by: staff.By, files: Path
) -> None:
    upload_as(alice, b"12345", category="a")
    staff.quarantine(upload=upload_as(alice, b"1234567", category="a"), by=by)
    upload_as(alice, b"123", category="ab")
    CategoryUsage.objects.filter(pk="a").update(used_bytes=99)
    make_older(files, hours=2)
    assert reconcile() == (["Rows and bytes agree."], 0)  # it changed a moment ago, so it is left alone

    CategoryUsage.objects.update(changed_at=clock.now().replace(year=2020))
    found, _ = reconcile()

    assert found[0].endswith("miscounted: a (a category)")
    counted = CategoryUsage.objects.order_by("pk").values_list("pk", "used_bytes", "files")
    assert list(counted) == [("a", 12, 2), ("ab", 3, 1)]
