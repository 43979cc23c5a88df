"""The portal's settings for a test run: a state directory of its own, and cheap passwords."""

import atexit
import os
import shutil
import tempfile
from dataclasses import replace

# Each of pytest's workers has one of its own; the processes that a test starts have that of their worker.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if os.environ.get("MWA_TEST_WORKER", "none" if "MWA_HOME" not in os.environ else "") != _worker:
    os.environ["MWA_HOME"] = tempfile.mkdtemp(prefix="mwa-test-")
    os.environ["MWA_TEST_WORKER"] = _worker
    atexit.register(shutil.rmtree, os.environ["MWA_HOME"], ignore_errors=True)
# ruff: noqa: E402, F403, F405
from mwaportal.settings import *
from tests.databases import NO_POWER_CUT

DATABASES["default"]["ENGINE"] = "tests.backend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
PORTAL_SERVER = PORTAL_SERVER and replace(
    PORTAL_SERVER, configuration=f"{PORTAL_SERVER.configuration}{NO_POWER_CUT}"
)
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_AUTOREFRESH = True
