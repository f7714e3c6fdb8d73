#!/usr/bin/env python3
"""Django's command line for this project."""

import os
import sys


def main() -> None:
    """Run the command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nocturnal_project.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit("Django is not installed here. Run `make run` once, then use .venv/bin/python.") from error
    from django.core.exceptions import ImproperlyConfigured
    from django.db.utils import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        raise SystemExit(f"Configuration: {error}") from None
    except OperationalError as error:
        raise SystemExit(f"The database cannot be reached: {error}") from None


if __name__ == "__main__":
    main()
