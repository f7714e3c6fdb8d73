from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from uploads import storage
from uploads.models import Upload
from uploads.tests import samples

pytestmark = pytest.mark.django_db
LIST = "/admin/uploads/upload/"


def test_the_list_shows_pictures_and_finds_by_owner(
    staff: Client, alice: User, bob: User, upload_as: Callable[..., Upload]
) -> None:
    upload_as(alice, samples.PNG, "hers.png")
    upload_as(bob, samples.TEXT, "his.txt")

    everything = staff.get(LIST).content.decode()
    hers = staff.get(f"{LIST}?q=alice@").content.decode()

    assert '<img src="http://127.0.0.1:5000/files/' in everything
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

    staff.post(LIST, {"action": "delete_selected", "_selected_action": chosen, "post": "yes"})

    assert not Upload.objects.exists()
    for upload in uploads:
        with pytest.raises(FileNotFoundError):
            storage.open_bytes(upload.key)
