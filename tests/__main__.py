"""Runs every test on SQLite, then every test that touches data on MongoDB: ``python -m tests``.

One after the other, because many tests hold the product to a time. Arguments go to both. Coverage of both is
printed at the end. Exit code: 0 if both pass.
"""

import os
import subprocess
import sys

_COVERAGE = ("--cov", "--cov-report=")


def main(arguments: list[str]) -> int:
    """Run both, whatever the first says, and return the worse exit code."""
    codes = []
    for name, module in (("SQLite", "pytest"), ("MongoDB", "tests.on_mongodb")):
        print(f"\nOn {name}:", flush=True)
        command = [sys.executable, "-m", module, *_COVERAGE, *arguments]
        environment = os.environ | {"COVERAGE_FILE": f".coverage.{name.lower()}"}
        codes.append(subprocess.run(command, env=environment, check=False).returncode)
    for step in (("combine", "--quiet"), ("report",)):
        subprocess.run([sys.executable, "-m", "coverage", *step], check=False)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
