"""Runs every test on SQLite and, beside it, every test that touches data on MongoDB: ``python -m tests``.

The two share nothing but the machine. Arguments go to both. Exit code: 0 if both pass.
"""

import subprocess
import sys
import tempfile


def main(arguments: list[str]) -> int:
    """Show the run on SQLite as it goes, then the one on MongoDB."""
    with tempfile.TemporaryFile() as output:
        on_mongodb = subprocess.Popen(
            [sys.executable, "-m", "tests.on_mongodb", *arguments], stdout=output, stderr=output
        )
        try:
            on_sqlite = subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode
            code = on_mongodb.wait()
        finally:
            on_mongodb.terminate()
            on_mongodb.wait()
        output.seek(0)
        sys.stdout.buffer.write(output.read())
        sys.stdout.flush()
    return on_sqlite or code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
