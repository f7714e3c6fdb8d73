"""What the modules say of the product is what the product does: its keys, its places, and its names."""

import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import pytest

from nocturnal_project.serving.options import GRACE_SECONDS
from tests.terraform.program import SOURCE
from uploads import keys

_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_FILE = keys.new_key("pictures", "image/png", now=_NOW)


def _default(module: str, variable: str) -> str:
    text = (SOURCE / "modules" / module / "variables.tf").read_text(encoding="utf-8")
    (body,) = re.findall(rf'^variable "{variable}" \{{\n(.*?)^\}}', text, re.MULTILINE | re.DOTALL)
    (value,) = re.findall(r"^  default +=(.+)$", body, re.MULTILINE)
    return str(value).strip()


@pytest.mark.parametrize(
    "key",
    [
        _FILE,
        keys.new_staging_key(now=_NOW),
        keys.thumbnail_key(_FILE),
        keys.quarantined(_FILE),
        "health/nothing-is-here",
    ],
    ids=["file", "on its way", "small picture", "held back", "what health looks for"],
)
def test_a_task_may_touch_every_object_that_the_product_makes(key: str) -> None:
    patterns = re.findall(r'"([^"]+)"', _default("service", "object_patterns"))

    assert any(fnmatchcase(key, pattern) for pattern in patterns)
    assert not any(fnmatchcase(f"somebody-elses/{name}", pattern) for pattern in patterns for name in ("a", "b/c"))


def test_what_expires_is_where_files_are_on_their_way() -> None:
    assert _default("storage", "staging_prefix") == f'"{keys.STAGING}"'


def test_a_task_has_time_to_finish_what_it_serves() -> None:
    assert int(_default("service", "stop_timeout_seconds")) > GRACE_SECONDS
