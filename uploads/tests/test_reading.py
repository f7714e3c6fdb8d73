from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from uploads.models import Upload
from uploads.tests import samples

pytestmark = pytest.mark.django_db
PATH = "/api/v1/uploads"
SignIn = Callable[[User], APIClient]
UploadAs = Callable[..., Upload]


def _path_of(url: str) -> str:
    return url.removeprefix("http://127.0.0.1:5000")


def _bytes_of(answer: Any) -> bytes:
    content = b"".join(answer.streaming_content)
    answer.close()
    return content


class TestList:
    def test_a_list_has_the_callers_files_newest_first(
        self, alice: User, bob: User, sign_in: SignIn, upload_as: UploadAs
    ) -> None:
        hers = [upload_as(alice), upload_as(alice)]
        upload_as(bob)

        body = sign_in(alice).get(PATH).json()

        assert [each["id"] for each in body["results"]] == [str(upload.pk) for upload in reversed(hers)]
        assert (body["next"], body["previous"]) == (None, None)

    def test_pages_follow_each_other_without_gap_or_repeat(
        self, alice: User, sign_in: SignIn, upload_as: UploadAs
    ) -> None:
        ids = [str(upload_as(alice).pk) for _ in range(7)]
        client, seen, url = sign_in(alice), [], f"{PATH}?limit=3"

        while url:
            page = client.get(url)
            seen += [each["id"] for each in page.json()["results"]]
            url = page.json()["next"]
            assert not url or f'<{url}>; rel="next"' in page["Link"]
            upload_as(alice)  # a new file shifts no page

        assert seen == ids[::-1]

    def test_a_page_leads_back_to_the_one_before(self, alice: User, sign_in: SignIn, upload_as: UploadAs) -> None:
        for _ in range(4):
            upload_as(alice)
        client = sign_in(alice)
        first = client.get(f"{PATH}?limit=2").json()

        second = client.get(first["next"])
        back = client.get(second.json()["previous"]).json()

        assert back["results"] == first["results"]
        assert 'rel="prev"' in second["Link"]

    def test_a_list_is_narrowed(self, alice: User, sign_in: SignIn, upload_as: UploadAs) -> None:
        old, new = upload_as(alice, category="a"), upload_as(alice, category="b")
        Upload.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2), status="pending")
        client = sign_in(alice)
        yesterday = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

        def ids(query: str) -> list[str]:
            return [each["id"] for each in client.get(f"{PATH}?{query}").json()["results"]]

        assert ids("category=a") == [str(old.pk)]
        assert ids("status=ready") == [str(new.pk)]
        assert ids(f"created_after={yesterday}") == [str(new.pk)]

    @pytest.mark.parametrize(
        "query",
        ["category=../x", "status=lost", "created_after=yesterday", "cursor=nowhere", "cursor=cD0xMjM=", "cursor=%00",
         "cursor=cD1ub3QtYS11dWlk", "cursor=bz0tMQ==", "category=%00", "limit=0", "limit=-1", "limit=101", "limit=x"],
    )  # fmt: skip
    def test_a_question_that_makes_no_sense_is_refused(self, alice: User, sign_in: SignIn, query: str) -> None:
        answer = sign_in(alice).get(f"{PATH}?{query}")

        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
        assert {error["pointer"] for error in answer.json()["errors"]} == {f"?{query.partition('=')[0]}"}


class TestOne:
    @pytest.mark.parametrize("path", ["", "/url", "/content"])
    @pytest.mark.parametrize("method", ["get", "delete"])
    def test_someone_elses_file_does_not_exist(
        self, alice: User, bob: User, sign_in: SignIn, upload_as: UploadAs, path: str, method: str
    ) -> None:
        if method == "delete" and path:
            path = ""
        his = upload_as(bob)

        answer = getattr(sign_in(alice), method)(f"{PATH}/{his.pk}{path}")

        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert Upload.objects.filter(pk=his.pk).exists()

    @pytest.mark.parametrize("upload_id", ["1", "x", "not-a-uuid", "019b2c3d-4e5f-7a6b-8c7d-9e0f1a2b3c4d", "%00", "é"])
    def test_an_id_that_is_none_is_not_found(self, alice: User, sign_in: SignIn, upload_id: str) -> None:
        answer = sign_in(alice).get(f"{PATH}/{upload_id}")

        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
        assert "RateLimit" in answer

    def test_a_deleted_file_is_gone_with_its_bytes(self, alice: User, sign_in: SignIn, upload_as: UploadAs) -> None:
        upload, client = upload_as(alice), sign_in(alice)
        url = _path_of(client.get(f"{PATH}/{upload.pk}/url").json()["url"])

        answers = [client.delete(f"{PATH}/{upload.pk}").status_code for _ in range(2)]

        assert answers == [204, 404]
        assert APIClient().get(url).status_code == 404


class TestSignedUrl:
    def test_whoever_has_the_url_gets_the_same_bytes_as_a_download(
        self, alice: User, sign_in: SignIn, upload_as: UploadAs
    ) -> None:
        upload = upload_as(alice, samples.PNG, 'mo"on 世界.png')

        answer = sign_in(alice).get(f"{PATH}/{upload.pk}/url")
        download = APIClient().get(_path_of(answer.json()["url"]))

        assert answer.status_code == 200
        assert _bytes_of(download) == samples.PNG
        assert download["Content-Type"] == "image/png"
        assert download["X-Content-Type-Options"] == "nosniff"
        assert download["Content-Disposition"] == (
            "attachment; filename=\"mo_on __.png\"; filename*=UTF-8''mo%22on%20%E4%B8%96%E7%95%8C.png"
        )

    def test_a_url_ends_when_it_says(self, alice: User, sign_in: SignIn, upload_as: UploadAs) -> None:
        upload = upload_as(alice)
        with time_machine.travel(timezone.now(), tick=False) as clock:
            url = _path_of(sign_in(alice).get(f"{PATH}/{upload.pk}/url?expires_in=30").json()["url"])
            clock.shift(timedelta(seconds=29))
            before = APIClient().get(url)
            before.close()
            clock.shift(timedelta(seconds=2))
            after = APIClient().get(url)

        assert (before.status_code, after.status_code) == (200, 403)
        assert after.json()["code"] == "signed_url_invalid"

    def test_an_altered_url_is_refused(self, alice: User, sign_in: SignIn, upload_as: UploadAs) -> None:
        url = _path_of(sign_in(alice).get(f"{PATH}/{upload_as(alice).pk}/url").json()["url"])

        for altered in (url[:-1], url[:-1] + ("a" if url[-1] != "a" else "b"), "/files/x", "/files/e30:x"):
            assert APIClient().get(altered).status_code == 403
        assert APIClient().post(url).status_code == 405

    @pytest.mark.parametrize("seconds", ["0", "-1", "3601", "x"])
    def test_a_time_out_of_bounds_is_refused(
        self, alice: User, sign_in: SignIn, upload_as: UploadAs, seconds: str
    ) -> None:
        answer = sign_in(alice).get(f"{PATH}/{upload_as(alice).pk}/url?expires_in={seconds}")

        assert answer.status_code == 422

    def test_content_redirects_to_a_url_that_works(self, alice: User, sign_in: SignIn, upload_as: UploadAs) -> None:
        answer = sign_in(alice).get(f"{PATH}/{upload_as(alice).pk}/content")

        assert answer.status_code == 302
        assert _bytes_of(APIClient().get(_path_of(answer["Location"]))) == b"hello\n"

    def test_a_file_that_is_not_ready_has_no_url(self, alice: User, sign_in: SignIn, upload_as: UploadAs) -> None:
        upload = upload_as(alice)
        Upload.objects.update(status=Upload.Status.PENDING)

        for path in ("url", "content"):
            assert sign_in(alice).get(f"{PATH}/{upload.pk}/{path}").json()["code"] == "upload_not_ready"
