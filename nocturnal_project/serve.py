"""Serve the product: ``python -m nocturnal_project.serve``. SERVER names the server; one process is one instance.

Clients are expected behind nginx or a load balancer.
"""

import sys

from django.core.exceptions import ImproperlyConfigured

from nocturnal_project.serving.options import ServerOptions


def main() -> None:
    """Serve until SIGTERM or Ctrl-C, then let running requests end.

    The application is loaded here, before the server makes its worker: a process that may not start ends at once
    with its reasons, and no server starts worker after worker for it.

    Raises:
        SystemExit: 1 for a server's variable that makes no sense, 3 for a configuration that is not complete
            (wsgi.py), and 0 or the server's own code at the end.
    """
    try:
        options = ServerOptions.from_environment()
    except ImproperlyConfigured as error:
        raise SystemExit(f"Nocturnal does not start until this is mended:\n  {error}") from None
    from nocturnal_project.wsgi import application

    if options.server == "granian":
        from nocturnal_project.serving import with_granian

        sys.exit(with_granian.serve(options))
    from nocturnal_project.serving import with_gunicorn

    sys.exit(with_gunicorn.serve(application, options))


if __name__ == "__main__":
    main()
