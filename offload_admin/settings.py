"""Django's settings, all from the environment (`.env.example` lists it); no app is imported.

Without DATABASE_URL the file still loads, with values that serve nobody, so that type checkers
and editors can import it. What serves starts elsewhere: `manage.py` and `make run` put the
embedded services' addresses into the environment, `wsgi` and `celery` insist on them.
"""

import zoneinfo
from pathlib import Path
from typing import Any

from offload_admin.env import (
    Environment,
    read_database,
    read_email,
    read_ports,
    read_redis,
)
from offload_admin.logs import logging_config

# Days are cut by the pinned tzdata, not by what the machine carries, so two hosts cut alike
# (ADR-0008).
zoneinfo.reset_tzpath(to=())

env = Environment()
BASE_DIR = Path(__file__).resolve().parent.parent

# --- What is run where -------------------------------------------------------------------------

DEBUG = env.flag("DEBUG", default=False)
PORT, STREAM_PORT = read_ports(env)
_base = env.address(
    "BASE_URL", schemes=frozenset({"http", "https"}), default=f"http://localhost:{PORT}"
)
BASE_URL = _base.geturl().rstrip("/")
_is_https = _base.scheme == "https"
# Where Desktops reach the stream process, which is another one on a port of its own.
_host = f"[{_base.hostname}]" if ":" in (_base.hostname or "") else _base.hostname
_stream = env.address(
    "STREAM_URL",
    schemes=frozenset({"http", "https"}),
    default=f"{_base.scheme}://{_host}:{STREAM_PORT}",
)
DESKTOP_STREAM_URL = f"{_stream.geturl().rstrip('/')}/api/v1/desktop/stream"
ALLOWED_HOSTS = env.words(
    "ALLOWED_HOSTS", default=[_base.hostname or "localhost", "localhost", "127.0.0.1", "[::1]"]
)
# Proxies of our own before the web process; each adds the address it saw to X-Forwarded-For.
ALLAUTH_TRUSTED_PROXY_COUNT = env.integer("TRUSTED_PROXIES", default=0, minimum=0, maximum=8)
STATE_DIR = Path(env.text("OFFLOAD_STATE_DIR", default=str(BASE_DIR / "var"))).absolute()
EXPORT_DIR = Path(env.text("EXPORT_DIR", default=str(STATE_DIR / "exports"))).absolute()

_serves_nobody = "not-a-secret-only-for-tools-that-import-the-settings-and-serve-nobody"
_is_inert = env.find("DATABASE_URL") is None
SECRET_KEY = env.secret("SECRET_KEY", default=_serves_nobody if _is_inert else None)
# The first signs the checkpoints of the audit log; the others have done so before (ADR-0020).
SIGNING_KEYS = env.secrets("SIGNING_KEY", default=_serves_nobody if _is_inert else None)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "offload_admin",
    "orgs",
    "billing",
]

MIDDLEWARE = [
    "orgs.access.desktop_polls.UnchangedPolls",  # before all that an unchanged poll can do without
    "offload_admin.logs.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "orgs.access.middleware.PersonLanguage",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "orgs.access.middleware.ProblemAnswers",
]

ROOT_URLCONF = "offload_admin.urls"
WSGI_APPLICATION = "offload_admin.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- PostgreSQL: every rule here also holds behind PgBouncer's transaction pooling ---------------

WEB_THREADS = env.integer("WEB_THREADS", default=8, minimum=1, maximum=256)
_database = read_database(
    env, "DATABASE_URL", default="postgresql:///unset?host=/nonexistent" if _is_inert else None
)
_database["OPTIONS"] |= {
    "application_name": "offload_admin",
    # A prepared statement belongs to a server connection, which the next transaction may not get.
    "prepare_threshold": None,
    "pool": {
        "min_size": 0,
        # Each web thread may hold one; two more for what a view starts beside it.
        "max_size": WEB_THREADS + 2,
        "timeout": 10,  # seconds a request waits for a connection before it fails
        "max_lifetime": 3600,  # seconds; lets a balanced or failed-over server take effect
    },
}
# Server-side cursors stay on: streaming reads use .iterator() inside atomic(), which keeps one
# server connection. No timeouts in startup options either (PgBouncer refuses them): ALTER ROLE.
DATABASES = {
    "default": _database
    | {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": False,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Valkey or Redis: cache and broker; holds nothing whose loss costs money ---------------------

REDIS_URL, _broker_url = read_redis(
    env, "REDIS_URL", default="unix:///nonexistent" if _is_inert else None
)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 5},
    }
}

CELERY_BROKER_URL = _broker_url
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": "celery:",
    "visibility_timeout": 3600,  # seconds until an unacknowledged task is given to another worker
    "socket_connect_timeout": 2,
    # A publisher (ingest's nudge) gives up quickly when the broker is down: beat sweeps anyway.
    "retry_policy": {"timeout": 2.0},
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = env.integer("WORKER_PROCESSES", default=2, minimum=1, maximum=64)
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
# In memory: the schedule is static and every task may run twice, so there is no file to corrupt.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
SWEEP_SECONDS = 2.0
CELERY_BEAT_MAX_LOOP_INTERVAL = SWEEP_SECONDS
_seconds_between_runs = {
    "billing.tasks.sweep_streams": SWEEP_SECONDS,
    "billing.tasks.close_due_periods": 600.0,
    "orgs.tasks.end_expired_exceptions": 5.0,
    "orgs.tasks.remove_expired_sign_ins": 60.0,
    "orgs.tasks.sign_checkpoints": 60.0,  # once a day for each organization
    "orgs.tasks.trim_audit_logs": 3600.0,
}
# `expires`: a run that no worker took before the next one is due is worth nothing, so runs cannot
# pile up while the workers are away.
CELERY_BEAT_SCHEDULE = {
    task: {"task": task, "schedule": seconds, "options": {"expires": seconds}}
    for task, seconds in _seconds_between_runs.items()
}

# --- People, sessions, the browser's protection --------------------------------------------------

AUTH_USER_MODEL = "orgs.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_validators = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_validators}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_validators}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_validators}.CommonPasswordValidator"},
]

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "orgs.access.accounts.ClosedSignupAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # addresses are proven by invitations, not by sign-up
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True  # the one-time link of a new owner signs in
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _base.scheme

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = "offload_session"
SESSION_COOKIE_AGE = 14 * 24 * 3600  # seconds
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _is_https
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "orgs.access.problems.forbidden_by_csrf"
CSRF_TRUSTED_ORIGINS = [f"{_base.scheme}://{_base.netloc}"]
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if _is_https else 0
# The body limit of ingest (5 MB sent) is the largest of all; ingest answers 413 by itself.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024  # bytes

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- The HTTP API: closed unless a view opens it -------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "orgs.access.tokens.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["orgs.access.permissions.DenyAll"],
    "EXCEPTION_HANDLER": "orgs.access.problems.answer_exception",
    "DEFAULT_PAGINATION_CLASS": "orgs.access.pagination.CursorPages",
    "DEFAULT_METADATA_CLASS": None,  # no OPTIONS: the OpenAPI document describes the views
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "offload_admin",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enum_id_removal",
        "billing.api.openapi.describe_session_events",
        "orgs.api.openapi.describe_desktop_stream",
        "orgs.access.openapi.describe_problems",
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Languages, static files, mail, papers, logs -------------------------------------------------

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# Where `collectstatic` ran (an image), files carry a hash in their name and are cached for ever;
# elsewhere they are served from where they lie, so that nothing has to be built first.
STATIC_COLLECTED = env.flag("STATIC_COLLECTED", default=False)
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles" if STATIC_COLLECTED else None
_packages = {
    "tabler": BASE_DIR / "node_modules/@tabler/core/dist",
    "echarts": BASE_DIR / "node_modules/echarts/dist",
    "htmx": BASE_DIR / "node_modules/htmx.org/dist",
}
# A folder that `make setup` has not brought yet is left out: the pages work without their looks.
STATICFILES_DIRS: list[Path | tuple[str, Path]] = [
    *[path for path in [BASE_DIR / "static"] if path.is_dir()],
    *[(name, path) for name, path in _packages.items() if path.is_dir()],
]
WHITENOISE_USE_FINDERS = not STATIC_COLLECTED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

_mail = read_email(env, "EMAIL_URL", default="console://")
EMAIL_BACKEND: str = _mail["EMAIL_BACKEND"]
EMAIL_FILE_PATH: str | None = _mail.get("EMAIL_FILE_PATH")
EMAIL_HOST: str = _mail.get("EMAIL_HOST", "localhost")
EMAIL_PORT: int = _mail.get("EMAIL_PORT", 25)
EMAIL_HOST_USER: str = _mail.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD: str = _mail.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_SSL: bool = _mail.get("EMAIL_USE_SSL", False)
EMAIL_USE_TLS: bool = _mail.get("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT: int | None = _mail.get("EMAIL_TIMEOUT")
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", default="offload@localhost")

# Who issues the invoices; printed on them and frozen into them.
SELLER = {
    "name": env.text("SELLER_NAME", default="Offload"),
    "address": env.text("SELLER_ADDRESS", default=""),
    "country": env.text("SELLER_COUNTRY", default=""),
    "tax_id": env.text("SELLER_TAX_ID", default=""),
    "email": env.text("SELLER_EMAIL", default=""),
}

LOG_FORMAT = env.choice("LOG_FORMAT", default="json", choices=("json", "console"))
LOGGING = logging_config(log_format=LOG_FORMAT)
