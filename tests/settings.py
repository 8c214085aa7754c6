"""The portal's settings for tests: a folder of its own instead of var/, no manifest of static files.

``TESTS_ON_DATABASE`` runs the same tests on PostgreSQL.
"""

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="takedown-tests-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["TAKEDOWN_VAR"] = _folder
os.environ["TAKEDOWN_BROKER_URL"] = "memory://"
os.environ["DATABASE_URL"] = os.environ.get("TESTS_ON_DATABASE", "")

from portal.settings import *  # noqa: E402, F403

STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
_database = DATABASES["default"]  # noqa: F405
if "sqlite3" in _database["ENGINE"]:
    # A file, as in life: a database in memory has other locks. It need not outlive a power cut.
    _database["TEST"] = {"NAME": f"{_folder}/tests.sqlite3"}
    _database["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
else:
    # A name of its own: other tests may run on the same server.
    _database["TEST"] = {"NAME": os.path.basename(_folder)}
    _database["OPTIONS"] = {"options": "-c synchronous_commit=off"}
KEPT_PAGE_SECONDS = 0  # what one test makes is seen in the next line
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
