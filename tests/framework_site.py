"""The settings of a site whose migrations run against a mirrored primary, in processes of its own."""

import os

from psycopg.conninfo import conninfo_to_dict

_PRIMARY = conninfo_to_dict(os.environ["SITE_CONNINFO"])

SECRET_KEY = "of a test"
ROOT_URLCONF = "tests.framework_site"
urlpatterns = []
SITE_ID = 1
STATIC_URL = "/static/"
WAGTAIL_SITE_NAME = "site"
WAGTAILADMIN_BASE_URL = "http://localhost"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
SILENCED_SYSTEM_CHECKS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
USE_TZ = True

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _PRIMARY["dbname"],
        "HOST": _PRIMARY["host"],
        "PORT": _PRIMARY.get("port", ""),
        "USER": _PRIMARY["user"],
        "PASSWORD": _PRIMARY.get("password", ""),
        "OPTIONS": {"application_name": "site", "options": "-c client_min_messages=warning"},
    }
}

DJANGO = [
    "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.admin", "django.contrib.sessions",
    "django.contrib.messages", "django.contrib.sites", "django.contrib.redirects", "django.contrib.flatpages",
    "django.contrib.postgres",
]  # fmt: skip
WAGTAIL = [
    "wagtail.contrib.forms", "wagtail.contrib.redirects", "wagtail.contrib.search_promotions",
    "wagtail.embeds", "wagtail.sites", "wagtail.users", "wagtail.documents", "wagtail.images",
    "wagtail.search", "wagtail.admin", "wagtail", "modelcluster", "taggit",
]  # fmt: skip
INSTALLED_APPS = DJANGO + WAGTAIL
MIDDLEWARE = []
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.request",
            ]
        },
    }
]
