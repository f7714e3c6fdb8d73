"""gunicorn's configuration for whoever starts gunicorn by itself; ``python -m nocturnal_project.serve`` has the same.

gunicorn --config nocturnal_project/gunicorn_conf.py nocturnal_project.wsgi:application
"""

from django.core.exceptions import ImproperlyConfigured

from nocturnal_project.serving.options import ServerOptions
from nocturnal_project.serving.with_gunicorn import settings_for

try:
    globals().update(settings_for(ServerOptions.from_environment()))
except ImproperlyConfigured as error:
    raise SystemExit(f"Nocturnal does not start until this is mended:\n  {error}") from None
