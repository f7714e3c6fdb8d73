"""Each module's own tests, on Terraform's mock of the provider: what the plan promises, and what it refuses."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.terraform.program import SOURCE, Terraform

_FOLDERS = sorted(file.parent.parent.relative_to(SOURCE).as_posix() for file in SOURCE.rglob("tests/*.tftest.hcl"))
_PASSED = re.compile(r"Success! (\d+) passed, 0 failed\.")


def test_every_module_keeps_its_promises(tmp_path: Path) -> None:
    assert len(_FOLDERS) == 11  # nine modules, and both environments
    copy = tmp_path / "terraform"
    Terraform.copied("bootstrap", copy)

    def passed(folder: str) -> int:
        terraform = Terraform(copy / folder)
        terraform.init()
        found = _PASSED.search(said := terraform.run("test"))
        assert found, said
        return int(found[1])

    with ThreadPoolExecutor(3) as pool:
        numbers = dict(zip(_FOLDERS, pool.map(passed, _FOLDERS), strict=True))
    assert all(numbers.values()), numbers
    assert sum(numbers.values()) >= 35
