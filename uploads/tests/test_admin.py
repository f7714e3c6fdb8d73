from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import SecurityEvent, User
from uploads import storage
from uploads.models import StorageUsage, Upload
from uploads.tests import pictures, samples

pytestmark = pytest.mark.django_db
LIST = "/admin/uploads/upload/"


def test_the_list_shows_pictures_and_finds_by_owner(
    staff: Client, alice: User, bob: User, upload_as: Callable[..., Upload]
) -> None:
    upload = upload_as(alice, samples.PNG, "hers.png")
    upload_as(bob, samples.TEXT, "his.txt")

    everything = staff.get(LIST).content.decode()
    hers = staff.get(f"{LIST}?q=alice@").content.decode()

    assert f'<img src="{LIST}{upload.pk}/thumbnail/"' in everything
    assert "his.txt" in everything
    assert "hers.png" in hers
    assert "his.txt" not in hers


def test_a_file_page_previews_and_links_but_changes_nothing(
    staff: Client, alice: User, upload_as: Callable[..., Upload]
) -> None:
    upload = upload_as(alice, samples.PNG, 'a"><script>x</script>.png')

    page = staff.get(f"{LIST}{upload.pk}/change/").content.decode()

    assert "Signed link" in page
    assert "<script>x</script>" not in page
    assert staff.post(f"{LIST}{upload.pk}/change/", {"filename": "b.png"}).status_code == 403
    assert staff.get(f"{LIST}add/").status_code == 403


def test_a_pending_file_has_no_link(staff: Client, alice: User, upload_as: Callable[..., Upload]) -> None:
    upload = upload_as(alice, samples.PNG, "a.png")
    Upload.objects.update(status=Upload.Status.PENDING)

    assert "Signed link" not in staff.get(f"{LIST}{upload.pk}/change/").content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_deleting_removes_the_bytes_too(
    staff: Client, alice: User, upload_as: Callable[..., Upload], count: int
) -> None:
    uploads = [upload_as(alice) for _ in range(count)]
    chosen = [str(upload.pk) for upload in uploads]

    asked = staff.post(LIST, {"action": "delete_files", "_selected_action": chosen})
    assert f"Delete {count} upload" in asked.content.decode()
    assert Upload.objects.count() == count
    staff.post(LIST, {"action": "delete_files", "_selected_action": chosen, "confirmed": "yes"})

    assert not Upload.objects.exists()
    for upload in uploads:
        with pytest.raises(FileNotFoundError):
            storage.open_bytes(upload.key)


GALLERY = f"{LIST}gallery/"
STORAGE = "/admin/uploads/storageusage/"


@pytest.fixture
def reader(make_user: Callable[..., User]) -> Client:
    """A browser of staff who may look and do nothing else."""
    robin = make_user("Robin", is_staff=True)
    robin.user_permissions.set(
        Permission.objects.filter(codename__in=["view_upload", "view_storageusage", "view_user"])
    )
    client = Client()
    client.force_login(robin)
    return client


def test_the_gallery_is_the_list_in_pictures(
    staff: Client, alice: User, bob: User, upload_as: Callable[..., Upload]
) -> None:
    picture, text = upload_as(alice, samples.PNG, "moon.png"), upload_as(bob, samples.TEXT, 'a"><b>.txt')

    everything = staff.get(GALLERY).content.decode()
    hers = staff.get(f"{GALLERY}?q=alice@&type=image/png").content.decode()

    assert f'src="{LIST}{picture.pk}/thumbnail/"' in everything
    assert f'href="{LIST}{text.pk}/change/"' in everything
    assert ">TXT<" in everything.replace("\n", "")
    assert '"><b>' not in everything
    assert ("moon.png" in hers, str(text.pk) in hers) == (True, False)
    assert f'href="{LIST}?q=alice%40&amp;type=image%2Fpng"' in hers  # to the list, and what was looked for stays


def test_a_small_picture_is_made_once_and_then_comes_from_the_storage(
    staff: Client, alice: User, upload_as: Callable[..., Upload]
) -> None:
    upload = upload_as(alice, samples.PNG, "moon.png")

    answer = staff.get(f"{LIST}{upload.pk}/thumbnail/")

    assert (answer.status_code, answer["Cache-Control"]) == (302, "private, max-age=600")
    assert f'src="{answer["Location"]}"' in staff.get(GALLERY).content.decode()


def test_what_has_no_picture_is_drawn_as_such_and_not_asked_for_again(
    staff: Client, alice: User, upload_as: Callable[..., Upload]
) -> None:
    upload = upload_as(alice, pictures.bomb(9000), "bomb.png")

    answer = staff.get(f"{LIST}{upload.pk}/thumbnail/")

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")
    page = staff.get(GALLERY).content.decode()
    assert ('title="No picture: too many pixels"' in page, f"{upload.pk}/thumbnail/" in page) == (True, False)


def test_a_file_is_held_back_seen_and_released(staff: Client, alice: User, upload_as: Callable[..., Upload]) -> None:
    upload = upload_as(alice, samples.PNG, "moon.png")
    chosen = {"_selected_action": [str(upload.pk)]}

    asked = staff.post(GALLERY, {**chosen, "action": "quarantine"}).content.decode()
    staff.post(LIST, {**chosen, "action": "quarantine", "confirmed": "yes"})

    assert ("Hold back 1 upload?" in asked, "moon.png" in asked) == (True, True)
    upload.refresh_from_db()
    assert upload.status == Upload.Status.QUARANTINED
    page = staff.get(f"{LIST}{upload.pk}/change/").content.decode()
    assert ("Signed link" in page, "files-held" in page, "/release" in page, "/quarantine" in page) == (
        False, True, True, False,
    )  # fmt: skip
    picture = staff.get(f"{LIST}{upload.pk}/thumbnail/")
    assert (picture["Content-Type"], picture["Cache-Control"]) == ("image/webp", "private, no-store")
    staff.post(LIST, {**chosen, "action": "release", "confirmed": "yes", "came_from": str(upload.pk)})
    upload.refresh_from_db()
    assert upload.status == Upload.Status.READY


def test_what_cannot_be_held_back_is_left_alone_and_named(
    staff: Client, alice: User, upload_as: Callable[..., Upload]
) -> None:
    ready, pending = upload_as(alice, name="ready.txt"), upload_as(alice, name="pending.txt")
    Upload.objects.filter(pk=pending.pk).update(status=Upload.Status.PENDING)
    chosen = {"_selected_action": [str(ready.pk), str(pending.pk)], "action": "quarantine", "confirmed": "yes"}

    page = staff.post(LIST, chosen, follow=True).content.decode()

    assert "Files held back: 1." in page
    assert "pending.txt was left alone: it is pending." in page


def test_a_storage_that_does_not_answer_is_said_and_nothing_is_hidden(
    staff: Client, alice: User, upload_as: Callable[..., Upload], files: Path
) -> None:
    upload = upload_as(alice, name="moon.txt")
    files.rename(files.with_name("away"))
    files.write_text("in the way")

    page = staff.post(
        LIST, {"_selected_action": [str(upload.pk)], "action": "quarantine", "confirmed": "yes"}, follow=True
    ).content.decode()

    assert "moon.txt: the storage did not answer." in page
    assert "hold it back again" in page


def test_who_may_only_look_can_do_nothing(reader: Client, alice: User, upload_as: Callable[..., Upload]) -> None:
    upload = upload_as(alice, samples.PNG, "moon.png")
    chosen = {"_selected_action": [str(upload.pk)], "confirmed": "yes"}

    for action in ("quarantine", "delete_files", "delete_selected"):
        reader.post(LIST, {**chosen, "action": action, "post": "yes"})
    refused = [reader.get(f"{LIST}{upload.pk}/quarantine/").status_code]
    refused.append(reader.post(f"{STORAGE}{alice.pk}/change/", {"limit": "no_limit", "unit": "GiB"}).status_code)

    assert refused == [403, 403]
    assert Upload.objects.get().status == Upload.Status.READY
    assert reader.get(GALLERY).status_code == 200
    assert "files-choose" not in reader.get(GALLERY).content.decode()
    assert reader.get(f"{LIST}{upload.pk}/thumbnail/").status_code == 302
    assert Client().get(f"{LIST}{upload.pk}/thumbnail/").status_code == 302  # to the sign-in
    assert Client().get(f"{LIST}{upload.pk}/thumbnail/")["Location"].startswith("/admin/login/")


def test_storage_is_shown_by_user_and_by_category(
    staff: Client, alice: User, bob: User, upload_as: Callable[..., Upload]
) -> None:
    for owner, number, category in ((alice, 3, "pictures"), (bob, 1, "notes")):
        for _ in range(number):
            upload_as(owner, b"x" * 1000, category=category)

    page = staff.get(STORAGE).content.decode()

    assert page.index("alice@example.com") < page.index("bob@example.com")
    assert [text in page for text in ("3 files", "1 file<", "&lt;1 % of 10.0", 'width="33.33"')] == [True] * 4


@pytest.mark.parametrize(
    ("form", "quota_bytes"),
    [
        ({"limit": "own", "amount": "1.5", "unit": "GiB"}, 3 * 512 * 1024**2),
        ({"limit": "no_limit", "unit": "GiB"}, 0),
        ({"limit": "everybodys", "amount": "7", "unit": "MiB"}, None),
    ],
)
def test_a_quota_is_set_by_the_service_also_of_who_has_stored_nothing(
    staff: Client, alice: User, form: dict[str, str], quota_bytes: int | None
) -> None:
    page = f"{STORAGE}{alice.pk}/change/"
    assert staff.get(page).status_code == 200

    answer = staff.post(page, form)

    assert answer.status_code == 302
    assert StorageUsage.objects.get(pk=alice.pk).quota_bytes == quota_bytes
    assert SecurityEvent.objects.filter(user_id=alice.pk, kind=SecurityEvent.Kind.STAFF_CHANGED_QUOTA).count() == 1
    assert staff.get(page).context["adminform"].form.initial["limit"] == form["limit"]


@pytest.mark.parametrize("amount", ["", "0", "-1", "much", "99999999999"])
def test_a_quota_that_is_none_is_refused(staff: Client, alice: User, amount: str) -> None:
    answer = staff.post(f"{STORAGE}{alice.pk}/change/", {"limit": "own", "amount": amount, "unit": "TiB"})

    assert answer.status_code == 200
    assert "errors" in answer.content.decode()
    assert not StorageUsage.objects.exists()


def test_a_quota_of_nobody_is_not_there(staff: Client) -> None:
    for nobody in ("019b2c3d-5e6f-7a8b-9c0d-1e2f3a4b5c6d", "nobody"):
        assert (
            staff.get(f"{STORAGE}{nobody}/change/").status_code == 302
        )  # to the index, with a message, as Django does


def test_a_users_page_says_what_they_use(staff: Client, alice: User, upload_as: Callable[..., Upload]) -> None:
    upload_as(alice, b"x" * 2048)

    page = staff.get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()

    assert "2.0\xa0KB (0 %)" in page
    assert f"{STORAGE}{alice.pk}/change/" in page
