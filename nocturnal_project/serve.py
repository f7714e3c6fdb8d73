"""Serve the product: ``python -m nocturnal_project.serve``. SERVER names the server; one process is one instance.

Clients are expected behind nginx or a load balancer.
"""

import sys

from django.core.exceptions import ImproperlyConfigured

from nocturnal_project.serving.options import ServerOptions


def main() -> None:
    """Serve until SIGTERM or Ctrl-C, then let running requests end.

    Only the worker loads the application: it is not forked with locks and connections in it, and not held twice.

    Raises:
        SystemExit: 1 for a server's variable that makes no sense, 3 for a configuration that is not complete
            (wsgi.py), 0 at a clean end.
    """
    try:
        options = ServerOptions.from_environment()
    except ImproperlyConfigured as error:
        raise SystemExit(f"Nocturnal does not start until this is mended:\n  {error}") from None
    if options.server == "granian":
        from nocturnal_project.serving import with_granian

        sys.exit(with_granian.serve(options))
    from nocturnal_project.serving import with_gunicorn

    sys.exit(with_gunicorn.serve(options))


if __name__ == "__main__":
    main()
