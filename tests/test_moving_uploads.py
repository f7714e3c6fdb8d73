"""Files move between local files and a real S3, and the commands of operators work on both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live_server import LiveServer, live_server
from tests.services import S3Server, start
from tests.uploading import VARIABLES, Setting, download, in_bucket, register, send_form

_S3_KEYS = ("S3_BUCKET", "S3_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(scope="module")
def s3() -> Iterator[tuple[S3Server, dict[str, str]]]:
    with start(s3=True) as services:
        yield services.s3, services.environment


def _setting(server: LiveServer, s3: S3Server | None, data: Path) -> Setting:
    return Setting(server, s3, data / "files", register(server))


def test_every_file_is_copied_once_and_given_out_by_the_other_storage(
    s3: tuple[S3Server, dict[str, str]], tmp_path: Path
) -> None:
    bucket, variables = s3
    there = {name: variables[name] for name in _S3_KEYS}
    one_address = VARIABLES | {"PUBLIC_URL": "http://127.0.0.1"}  # which tokens are for
    with live_server(data_dir=tmp_path, variables=one_address | there) as server:
        setting = _setting(server, None, tmp_path)
        sent = {setting.send(b"moon %d\n" % number).body["id"]: b"moon %d\n" % number for number in range(4)}
        lost = setting.send(b"lost\n").body
        next(path for path in setting.files.rglob("*.txt") if path.read_bytes() == b"lost\n").unlink()

        dry = setting.manage("migrate_uploads", "--from", "local", "--to", "s3", "--dry-run")
        nothing = in_bucket(bucket)
        first = setting.manage("migrate_uploads", "--from", "local", "--to", "s3")
        again = setting.manage("migrate_uploads", "--from", "local", "--to", "s3")

    assert (dry.returncode, dry.stdout.splitlines()[-1], nothing) == (2, "4 would be copied, 0 there already.", set())
    assert (first.returncode, first.stdout.splitlines()[-1]) == (2, "4 copied, 0 there already.")
    assert f"(upload {lost['id']}): not in the source" in first.stdout
    assert again.stdout.splitlines()[-1] == "0 copied, 4 there already."
    with live_server(data_dir=tmp_path, variables=one_address | variables, migrate=False) as server:
        moved = Setting(server, bucket, tmp_path / "files", setting.bearer)
        for upload_id, content in sent.items():
            with download(moved.ask(f"/{upload_id}/url").body["url"]) as got:
                assert got.read() == content
        assert moved.manage("verify_uploads", "--all").returncode == 2  # the lost one
        moved.ask(f"/{lost['id']}", method="DELETE")
        verified = moved.manage("verify_uploads", "--all")
        back = moved.manage("migrate_uploads", "--from", "s3", "--to", "local")
    assert (verified.returncode, verified.stdout) == (0, "4 file(s) are as they came in.\n")
    assert (back.returncode, back.stdout.splitlines()[-1]) == (0, "0 copied, 4 there already.")


def test_what_a_crash_leaves_in_s3_is_found_there_and_removed(
    s3: tuple[S3Server, dict[str, str]], tmp_path: Path
) -> None:
    bucket, variables = s3
    with live_server(data_dir=tmp_path, variables=VARIABLES | variables) as server:
        setting = _setting(server, bucket, tmp_path)
        before = in_bucket(bucket)
        kept = setting.send(b"kept\n").body
        removed, staged, in_parts = (
            setting.send(b"orphan\n").body,
            setting.presign(b"staged\n").body,
            setting.presign(b"x" * 2_000_000).body,
        )
        assert send_form(staged, b"staged\n") in (200, 201, 204)
        assert len(in_bucket(bucket) - before) == 4
        _forget_rows(setting, removed["id"], staged["upload"]["id"], in_parts["upload"]["id"])

        young = setting.manage("reconcile_uploads")
        told = setting.manage("reconcile_uploads", "--grace", "0", "--dry-run")
        done = setting.manage("reconcile_uploads", "--grace", "0")
        again = setting.manage("reconcile_uploads", "--grace", "0")

        assert setting.ask(f"/{kept['id']}").body["status"] == "ready"
    kinds = {line.partition(":")[0] for line in told.stdout.splitlines()}
    assert young.stdout == "Rows and bytes agree.\n", young
    assert told.returncode == 2
    assert {"bytes without a row", "staged bytes that nothing waits for", "parts that nothing waits for"} <= kinds
    assert done.returncode == 0, done
    assert (again.returncode, again.stdout) == (0, "Rows and bytes agree.\n")
    assert len(in_bucket(bucket)) == 1


def _forget_rows(setting: Setting, *upload_ids: str) -> None:
    """Remove rows as if a crash had come after, with the bytes still to be removed."""
    ran = setting.manage(
        "shell", "-c", f"from uploads.models import Upload; Upload.objects.filter(pk__in={list(upload_ids)!r}).delete()"
    )
    assert ran.returncode == 0, ran.stderr


def test_to_move_nowhere_is_wrong_use(tmp_path: Path) -> None:
    setting = Setting(LiveServer(data_dir=tmp_path, variables={}), None, tmp_path / "files")

    same = setting.manage("migrate_uploads", "--from", "local", "--to", "local")
    no_bucket = setting.manage("migrate_uploads", "--from", "local", "--to", "s3")
    unknown = setting.manage("migrate_uploads", "--from", "local", "--to", "ftp")

    assert [same.returncode, no_bucket.returncode, unknown.returncode] == [1, 1, 1]
    assert "set S3_BUCKET" in no_bucket.stderr
