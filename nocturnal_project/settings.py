"""Every setting, read top to bottom from the environment. With no variable set the whole product runs.

``.env.example`` lists the variables; ``checks.py`` refuses a half-configured production.
"""

import os
import socket
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy

from nocturnal_project import __version__, request_log
from nocturnal_project.env import Environment, read_dotenv, require_package

BASE_DIR = Path(__file__).resolve().parent.parent
read_dotenv(BASE_DIR / os.environ.get("DOTENV", ".env"))
env = Environment(os.environ)

# What runs, and as whom

VERSION = __version__
NOCTURNAL_ENV = env.choice("NOCTURNAL_ENV", ("development", "production"), default="development")
PRODUCTION = NOCTURNAL_ENV == "production"
INSTANCE_ID = env.text("INSTANCE_ID", default=socket.gethostname())
PORT = env.number("PORT", default=5000, minimum=1, maximum=65535)
PUBLIC_URL = env.url("PUBLIC_URL", default=f"http://127.0.0.1:{PORT}")
DATA_DIR = Path(env.text("DATA_DIR", default=str(BASE_DIR / "var")))
DEBUG = env.flag("DEBUG", default=False)

# Secrets. The defaults are for one developer's machine; checks.py refuses them in production.

INSECURE_DEFAULT_KEY = "development-only-key-that-everyone-can-read-in-the-source"
SECRET_KEY = env.text("SECRET_KEY", default=INSECURE_DEFAULT_KEY)
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
JWT_SECRET = env.text("JWT_SECRET", default=INSECURE_DEFAULT_KEY)
JWT_ALGORITHM = env.choice("JWT_ALGORITHM", ("HS256", "EdDSA"), default="HS256")

# Who may talk to us

ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", default=() if PRODUCTION else ("localhost", "127.0.0.1", "[::1]"))
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", default=0, maximum=10)
CORS_ALLOWED_ORIGINS = env.words("CORS_ALLOWED_ORIGINS")
CORS_URLS_REGEX = r"^/(api|files)/"  # files: where direct uploads go while there is no S3
CORS_ALLOW_HEADERS = ("authorization", "content-type", "idempotency-key", "x-request-id")
CORS_EXPOSE_HEADERS = (
    "Idempotent-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-ID",
)

# Applications and the way of a request

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # its default one would put its own site in place of ours
    "unfold.contrib.filters",
    "nocturnal_project.apps.NocturnalAdminConfig",
    "accounts",  # before Django's, for its changepassword
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "nocturnal_project.apps.NocturnalConfig",
    "ratelimits",
    "uploads",
    "health",
]
MIDDLEWARE = [
    "nocturnal_project.request_log.RequestLogMiddleware",
    "nocturnal_project.middleware.SecurityHeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "nocturnal_project.middleware.OriginMiddleware",
    "nocturnal_project.middleware.RequestCheckMiddleware",
    "nocturnal_project.middleware.BrowserMiddleware",
    "nocturnal_project.problems.ProblemMiddleware",
]
# The admin asks for three middlewares by name; BrowserMiddleware has them inside.
SILENCED_SYSTEM_CHECKS = ["admin.E408", "admin.E409", "admin.E410"]
ROOT_URLCONF = "nocturnal_project.urls"
WSGI_APPLICATION = "nocturnal_project.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "nocturnal_project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Records: MongoDB by MONGODB_URI, else SQLite

MONGODB_URI = env.text("MONGODB_URI")
try:
    DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
except OSError as error:
    raise ImproperlyConfigured("DATA_DIR cannot be made: name a folder that this user may write.") from error
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django_prometheus.db.backends.sqlite3",  # Django's, with figures for /metrics
        "NAME": DATA_DIR / "nocturnal.sqlite3",
        # WAL lets readers work beside the one writer; IMMEDIATE makes writers queue instead of failing.
        "OPTIONS": {
            "timeout": 5,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIGRATION_MODULES: dict[str, str] = {}
if MONGODB_URI:
    require_package("django_mongodb_backend", for_variable="MONGODB_URI")
    from nocturnal_project.mongodb import config as mongodb

    DATABASES["default"] = mongodb.database_settings(MONGODB_URI)
    DEFAULT_AUTO_FIELD = mongodb.DEFAULT_AUTO_FIELD
    MIGRATION_MODULES = mongodb.MIGRATION_MODULES
    INSTALLED_APPS = [mongodb.APP_CONFIGS.get(app, app) for app in INSTALLED_APPS]

# Counters, snapshots and admin sessions

_REDIS_HOST = env.text("REDIS_HOST", default="127.0.0.1")
_REDIS_PORT = env.number("REDIS_PORT", default=6379, minimum=1, maximum=65535)
REDIS_SENTINELS = env.addresses("REDIS_SENTINELS", default_port=26379)
_REDIS_BY_SENTINEL = f"redis://{env.text('REDIS_SENTINEL_MASTER', default='mymaster')}/0" if REDIS_SENTINELS else ""
if REDIS_SENTINELS and env.text("REDIS_URL"):
    raise ImproperlyConfigured("Set REDIS_URL or REDIS_SENTINELS, not both: sentinels say where Redis is.")
REDIS_URL = (
    env.text("REDIS_URL")
    or _REDIS_BY_SENTINEL
    or (f"redis://{_REDIS_HOST}:{_REDIS_PORT}/0" if env.flag("REDIS_ENABLED", default=False) else "")
)
# Without figures: django-prometheus's local memory gives the default for a value of 0 or "".
_LOCAL_MEMORY = "django.core.cache.backends.locmem.LocMemCache"
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": _LOCAL_MEMORY, "LOCATION": "default"},
}
if REDIS_URL:
    if not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured("Set REDIS_URL to a URL that begins with redis:// or rediss://.")
    require_package("django_redis", for_variable="REDIS_SENTINELS" if REDIS_SENTINELS else "REDIS_URL")
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # redis-py retries by itself, for seconds, and a repeated write may count twice. RESP2, and no name for the client:
    # each would be another round trip before the first command.
    _ONCE = {"retry": Retry(NoBackoff(), 0), "protocol": 2, "driver_info": None}
    CACHES["default"] = {
        "BACKEND": "django_prometheus.cache.backends.redis.RedisCache",  # django-redis's, with figures
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "nocturnal",
        "OPTIONS": {
            "CLIENT_CLASS": "nocturnal_project.redis_cache.CacheClient",
            "PASSWORD": env.text("REDIS_PASSWORD") or None,
            "SOCKET_CONNECT_TIMEOUT": 0.2,
            "SOCKET_TIMEOUT": 0.2,
            "CONNECTION_POOL_KWARGS": _ONCE,
        },
    }
    if REDIS_SENTINELS:
        CACHES["default"]["OPTIONS"] |= {
            "CLIENT_CLASS": "nocturnal_project.redis_cache.SentinelCacheClient",
            "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
            "SENTINELS": REDIS_SENTINELS,
            "SENTINEL_KWARGS": {
                "password": env.text("REDIS_SENTINEL_PASSWORD") or None,
                "socket_connect_timeout": 0.2,
                "socket_timeout": 0.2,
                **_ONCE,
            },
        }
# How many instances run at most: of a limit against guessing, one that starts while Redis is away takes that part.
INSTANCES_EXPECTED = env.number("INSTANCES_EXPECTED", default=3 if PRODUCTION else 1, minimum=1, maximum=10_000)
# Whose addresses are not counted, such as a monitor's.
RATE_LIMIT_EXEMPT_NETWORKS = env.networks("RATE_LIMIT_EXEMPT_NETWORKS")
RATE_LIMIT_OVERRIDES = {
    name: value
    for name, value in os.environ.items()
    if name.startswith("RATE_LIMIT_") and name != "RATE_LIMIT_EXEMPT_NETWORKS" and value
}

SESSION_ENGINE = "nocturnal_project.admin_sessions"
# The admin's session ends after an hour without a page, and after twelve in any case (staff_authentication.py).
SESSION_COOKIE_AGE = 60 * 60
STAFF_SESSION_LIFETIME = timedelta(hours=12)
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
# Browsers take a cookie of such a name only from this very host, by https, for every path (RFC 6265bis, 4.1.3.2).
_HOST_ONLY = "__Host-" if SESSION_COOKIE_SECURE else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_HOST_ONLY}nocturnal-staff", f"{_HOST_ONLY}nocturnal-csrf"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
CSRF_FAILURE_VIEW = "nocturnal_project.problems.csrf_failure"

# Bytes

USE_S3 = env.flag("USE_S3", default=False)
if USE_S3:
    require_package("boto3", for_variable="USE_S3")
    if not env.text("S3_BUCKET"):
        raise ImproperlyConfigured("USE_S3 is set without a bucket: set S3_BUCKET.")
MAX_UPLOAD_BYTES = 10 * 1024 * 1024
# What one user may store; 0 is without a limit. Staff give single users another.
UPLOAD_QUOTA_BYTES = env.number("UPLOAD_QUOTA_BYTES", default=10 * 1024**3, maximum=2**62)
# Straight to the storage: 5 GiB at most, in one form up to this and in parts above.
MAX_DIRECT_UPLOAD_BYTES = 5 * 1024**3
DIRECT_FORM_BYTES = env.number("DIRECT_FORM_BYTES", default=100 * 1024**2, minimum=1, maximum=5 * 1024**3)
# Whom to ask for viruses: clamd, by host:port or by the path of its socket. Unset: nobody.
CLAMAV_HOST = env.scanner("CLAMAV_HOST")
CLAMAV_TIMEOUT_SECONDS = env.number("CLAMAV_TIMEOUT_SECONDS", default=3, minimum=1, maximum=60)
MAX_JSON_BYTES = 64 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 1
# What is larger is read into a file: with Django's 2.5 MB, ten uploads at once would lie in memory.
FILE_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
SIGNED_URL_SECONDS = 3600
_LOCAL_FILES: dict[str, Any] = {
    "BACKEND": "uploads.local_files.LocalFileStorage",
    "OPTIONS": {
        "location": DATA_DIR / "files",
        "file_permissions_mode": 0o600,
        "directory_permissions_mode": 0o700,
    },
}
_S3: dict[str, Any] = {
    "BACKEND": "uploads.s3_files.S3FileStorage",
    "OPTIONS": {
        "bucket_name": env.text("S3_BUCKET"),
        "region_name": env.text("AWS_REGION") or None,
        "endpoint_url": env.url("S3_ENDPOINT_URL") or None,
        "querystring_expire": SIGNED_URL_SECONDS,
        "file_overwrite": False,
        "default_acl": None,
    },
}
if USE_S3 or (env.text("S3_BUCKET") and find_spec("boto3")):  # to move files there, before they are used
    from botocore.config import Config

    _S3["OPTIONS"]["client_config"] = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if env.text("S3_ENDPOINT_URL") else "auto"},
        # A checksum that nobody asked for would be signed into URLs that browsers are to use.
        request_checksum_calculation="when_required",
        connect_timeout=1,
        read_timeout=3,
        retries={"total_max_attempts": 1},
        max_pool_connections=16,
    )
STORAGES = {
    "default": _S3 if USE_S3 else _LOCAL_FILES,
    "local": _LOCAL_FILES,
    "s3": _S3,  # works where S3_BUCKET is set
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles" if PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "nocturnal_project" / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION

# People

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.staff_authentication.StaffBackend"]
PASSWORD_HASHERS = [
    "accounts.hashers.Argon2idHasher",
    # Only to let in accounts that were brought from another Django project; renewed at their first sign-in.
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "accounts.password_validation.PatternValidator"},
    {"NAME": "accounts.password_validation.CommonValidator"},
    {"NAME": "accounts.password_validation.SimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "accounts.password_validation.BreachValidator"},
]
BREACHED_PASSWORDS_URL = env.url("BREACHED_PASSWORDS_URL")
PASSWORD_RESET_URL = env.link("PASSWORD_RESET_URL", default=f"{PUBLIC_URL}/account/reset-password?token={{token}}")
EMAIL_VERIFY_URL = env.link("EMAIL_VERIFY_URL", default=f"{PUBLIC_URL}/account/verify-email?token={{token}}")
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)
REFRESH_TOKEN_LIFETIME = timedelta(days=30)
REFRESH_GRACE = timedelta(seconds=10)
SECURITY_EVENT_LIFETIME = timedelta(days=env.number("SECURITY_EVENT_DAYS", default=90, minimum=1, maximum=3650))

# Mail: a server by EMAIL_URL; without one it is written to the log in development, and goes nowhere in production.

EMAIL_URL = env.text("EMAIL_URL")
_MAIL_SERVER = env.mail_server("EMAIL_URL")
vars().update(_MAIL_SERVER)
if _MAIL_SERVER:
    EMAIL_BACKEND = "accounts.mail_backends.BoundedSMTP"
elif PRODUCTION and not EMAIL_URL:
    EMAIL_BACKEND = "accounts.mail_backends.Nowhere"
else:
    EMAIL_BACKEND = "accounts.mail_backends.ReadableLog"
EMAIL_TIMEOUT = 5  # seconds to connect
DEFAULT_FROM_EMAIL = env.mailbox("EMAIL_FROM", default=f"Nocturnal <no-reply@{urlsplit(PUBLIC_URL).hostname}>")
MAIL_WORKER = env.flag("MAIL_WORKER", default=True)

# The API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["nocturnal_project.api.BoundedJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "nocturnal_project.api.AlwaysJSON",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "nocturnal_project.openapi.NocturnalSchema",
    "EXCEPTION_HANDLER": "nocturnal_project.problems.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Nocturnal",
    "DESCRIPTION": (BASE_DIR / "nocturnal_project" / "api_description.md").read_text(encoding="utf-8"),
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Without a validator of our own, the page would send its address to swagger.io.
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": False, "displayRequestDuration": True, "validatorUrl": None},
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "UploadStatus": "uploads.models.Upload.Status",
        "Readiness": "health.serializers.READINESS",
    },
}

# Headers that protect browsers; middleware.py adds the Content-Security-Policy.

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if PUBLIC_URL.startswith("https://") else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None

# Words, time and the look of the admin

LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "nocturnal_project.formats"
_INDIGO = {
    "50": "238 242 255",
    "100": "224 231 255",
    "200": "199 210 254",
    "300": "165 180 252",
    "400": "129 140 248",
    "500": "99 102 241",
    "600": "79 70 229",
    "700": "67 56 202",
    "800": "55 48 163",
    "900": "49 46 129",
    "950": "30 27 75",
}
UNFOLD = {
    "SITE_TITLE": "Nocturnal",
    "SITE_HEADER": "Nocturnal",
    "SITE_SUBHEADER": "Staff",
    "SITE_SYMBOL": "bedtime",
    "SITE_URL": "/api/docs/",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: f"/{STATIC_URL}favicon.svg"}],
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "nocturnal_project.apps.environment_badge",
    "COLORS": {"primary": _INDIGO},
    "SIDEBAR": {
        "show_search": False,
        "navigation": [
            {
                "title": "Operations",
                "items": [
                    {
                        "title": "Cluster",
                        "icon": "monitoring",
                        "link": reverse_lazy("cluster"),
                        "permission": "health.cluster.page.may_see",
                    },
                ],
            },
            {
                "title": "People",
                "items": [
                    {"title": "Users", "icon": "person", "link": reverse_lazy("admin:accounts_user_changelist")},
                    {"title": "Sessions", "icon": "devices", "link": reverse_lazy("admin:accounts_session_changelist")},
                    {
                        "title": "Security events",
                        "icon": "shield_person",
                        "link": reverse_lazy("admin:accounts_securityevent_changelist"),
                    },
                    {"title": "Groups", "icon": "group", "link": reverse_lazy("admin:auth_group_changelist")},
                    {
                        "title": "Signing keys",
                        "icon": "key",
                        "link": reverse_lazy("admin:accounts_signingkey_changelist"),
                        "permission": lambda request: request.user.is_superuser,
                    },
                ],
            },
            {
                "title": "Files",
                "items": [
                    {"title": "Uploads", "icon": "folder", "link": reverse_lazy("admin:uploads_upload_changelist")},
                    {
                        "title": "Storage",
                        "icon": "hard_drive",
                        "link": reverse_lazy("admin:uploads_storageusage_changelist"),
                    },
                ],
            },
            {
                "title": "Limits",
                "items": [
                    {
                        "title": "Held now",
                        "icon": "shield",
                        "link": reverse_lazy("rate_limits"),
                        "permission": "ratelimits.admin.permissions.may_see",
                    },
                    {
                        "title": "Events",
                        "icon": "history",
                        "link": reverse_lazy("admin:ratelimits_limitevent_changelist"),
                        "permission": "ratelimits.admin.permissions.may_see",
                    },
                    {
                        "title": "Numbers",
                        "icon": "tune",
                        "link": reverse_lazy("admin:ratelimits_limitoverride_changelist"),
                        "permission": "ratelimits.admin.permissions.may_see_numbers",
                    },
                ],
            },
        ],
    },
}

# Logs: one line a request, JSON for machines or plain for people

LOG_FORMAT = env.choice("LOG_FORMAT", ("json", "console"), default="json" if PRODUCTION else "console")
LOG_LEVEL = env.choice("LOG_LEVEL", ("debug", "info", "warning", "error"), default="info")
LOGGING_CONFIG = None
# Where traces go (tracing.py); the exporter and the sampler read their other OTEL_ variables by themselves.
OTEL_EXPORTER_OTLP_ENDPOINT = env.url("OTEL_EXPORTER_OTLP_ENDPOINT")
if OTEL_EXPORTER_OTLP_ENDPOINT:
    require_package("opentelemetry.exporter", for_variable="OTEL_EXPORTER_OTLP_ENDPOINT", requirements="tracing")
request_log.configure(log_format=LOG_FORMAT, level=LOG_LEVEL, instance=INSTANCE_ID)
