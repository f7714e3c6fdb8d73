"""Runs every test on SQLite and, beside it, every test that touches data on MongoDB: ``python -m tests``.

The two share nothing but the machine, so together they take as long as the longer one. Arguments go to both.
Coverage of both is printed at the end. Exit code: 0 if both pass.
"""

import os
import subprocess
import sys
import tempfile

_COVERAGE = ("--cov", "--cov-report=")


def main(arguments: list[str]) -> int:
    """Show the run on SQLite as it goes, then the one on MongoDB, then the coverage."""
    with tempfile.TemporaryFile() as output:
        on_mongodb = subprocess.Popen(
            _command("tests.on_mongodb", arguments), env=_environment("mongodb"), stdout=output, stderr=output
        )
        try:
            print("On SQLite:", flush=True)
            command = _command("pytest", arguments)
            on_sqlite = subprocess.run(command, env=_environment("sqlite"), check=False).returncode
            code = on_mongodb.wait()
        finally:
            on_mongodb.terminate()
            on_mongodb.wait()
        output.seek(0)
        print("\nOn MongoDB:", flush=True)
        sys.stdout.buffer.write(output.read())
        sys.stdout.flush()
    for step in (("combine", "--quiet"), ("report",)):
        subprocess.run([sys.executable, "-m", "coverage", *step], check=False)
    return on_sqlite or code


def _command(module: str, arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", module, *_COVERAGE, *arguments]


def _environment(name: str) -> dict[str, str]:
    return os.environ | {"COVERAGE_FILE": f".coverage.{name}"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
