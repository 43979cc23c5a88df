"""The portal's settings for a test run: a state directory of its own, and cheap passwords."""

import atexit
import os
import shutil
import tempfile

if "MWA_HOME" not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:  # which inherits the first one's
    os.environ["MWA_HOME"] = tempfile.mkdtemp(prefix="mwa-test-")
    atexit.register(shutil.rmtree, os.environ["MWA_HOME"], ignore_errors=True)
# ruff: noqa: F403, F405
from mwaportal.settings import *

DATABASES["default"]["ENGINE"] = "tests.backend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_AUTOREFRESH = True
