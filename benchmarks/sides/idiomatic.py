"""The same endpoint as its documentation's readers would write it: DRF, SimpleJWT, a throttle on django-redis.

The user is read from MongoDB for each request by SimpleJWT's authentication, through django-mongodb-backend as it
comes; the throttle counts in Django's cache on Redis; a ModelSerializer answers. Django's middlewares are those that
``startproject`` writes, and requests are logged, one line each, by the logging package.
"""

import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings

REQUESTS = "1000000000/day"
settings.configure(
    SECRET_KEY="a-key-of-nobody-that-is-long-enough-to-be-one",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "nocturnal_project.mongodb.apps.MongoAuthConfig",
        "nocturnal_project.mongodb.apps.MongoContentTypesConfig",
        "rest_framework",
    ],
    MIGRATION_MODULES={
        "auth": "nocturnal_project.mongo_migrations.auth",
        "contenttypes": "nocturnal_project.mongo_migrations.contenttypes",
    },
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
        f"{__name__}.log_requests",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django_mongodb_backend",
            "HOST": os.environ["MONGODB_URI"],
            "NAME": "idiomatic",
        }
    },
    DEFAULT_AUTO_FIELD="django_mongodb_backend.fields.ObjectIdAutoField",
    CACHES={"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": os.environ["REDIS_URL"]}},
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
        "DEFAULT_THROTTLE_RATES": {"user": "100000/s"},
    },
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402  apps must be ready first
from django.core.wsgi import get_wsgi_application  # noqa: E402  the same
from django.urls import path  # noqa: E402  the same
from rest_framework import generics, serializers  # noqa: E402  the same

_log = logging.getLogger("requests")
_log.setLevel(logging.INFO)
_log.addHandler(logging.StreamHandler(sys.stderr))


def log_requests(get_response: Any) -> Any:
    """Write a line for each request."""

    def middleware(request: Any) -> Any:
        started = time.perf_counter()
        response = get_response(request)
        elapsed_ms = (time.perf_counter() - started) * 1000
        _log.info("%s %s %s %.1f ms", request.method, request.path, response.status_code, elapsed_ms)
        return response

    return middleware


class UserSerializer(serializers.ModelSerializer[User]):
    id = serializers.CharField()

    class Meta:
        model = User
        fields = ("id", "email", "first_name", "date_joined")


class Me(generics.RetrieveAPIView[User]):
    serializer_class = UserSerializer

    def get_object(self) -> Any:
        return self.request.user


urlpatterns = [path("api/v1/me", Me.as_view())]
application = get_wsgi_application()


def main() -> None:
    """Make the tables and a user, and print an access token."""
    from django.core.management import call_command
    from rest_framework_simplejwt.tokens import AccessToken

    call_command("migrate", verbosity=0)
    user = User.objects.create_user("alice", "alice@example.com", "correct horse battery staple")
    print(AccessToken.for_user(user))


if __name__ == "__main__":
    sys.modules[Path(__file__).stem] = sys.modules["__main__"]
    main()
