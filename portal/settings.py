"""All settings, read from the environment; the defaults are what `make run` needs, under var/.

Nothing here is personal and nothing is fetched. Rules about grounds, deadlines and editions are policy, not
settings: they stand in policy.toml (portal/policy.py).
"""

from __future__ import annotations

import logging
from pathlib import Path

from csp.constants import NONE, SELF

from portal import environment as env
from portal import static_headers

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(env.text("TAKEDOWN_VAR", str(BASE_DIR / "var"))).resolve()

# --- who we are -----------------------------------------------------------------------------------
PRODUCTION = env.switch("TAKEDOWN_PRODUCTION", default=False)
DEBUG = False  # a debug page would show what a person sent
SECRET_KEY = env.secret("DJANGO_SECRET_KEY", VAR / "secrets" / "django")
RECEIPT_PEPPER = env.secret("TAKEDOWN_RECEIPT_PEPPER", VAR / "secrets" / "receipts")
ALLOWED_HOSTS = env.words("TAKEDOWN_HOSTS", "localhost,127.0.0.1,[::1]")
ONION = env.onion("TAKEDOWN_ONION")  # where the same pages stand as an onion service
ALLOWED_HOSTS += [ONION.removeprefix("http://")] if ONION else []
POLICY_FILE = Path(env.text("TAKEDOWN_POLICY", str(BASE_DIR / "portal" / "policy.toml")))

# --- where things lie -----------------------------------------------------------------------------
INTAKE_PUBLIC_KEYS = Path(env.text("TAKEDOWN_INTAKE_PUBLIC", str(VAR / "keys" / "intake" / "public")))
INTAKE_PRIVATE_KEYS = Path(env.text("TAKEDOWN_INTAKE_PRIVATE", str(VAR / "keys" / "intake" / "private")))
MESSAGE_KEYS = Path(env.text("TAKEDOWN_MESSAGE_KEYS", str(VAR / "keys" / "messages")))
ONLINE_KEYS = Path(env.text("TAKEDOWN_ONLINE_KEYS", str(VAR / "keys" / "online")))
REPOSITORY = Path(env.text("TAKEDOWN_REPOSITORY", str(VAR / "blocklist")))
MIRRORS = env.words("TAKEDOWN_MIRROR", "")  # addresses that fsspec can write to; releases are uploaded there
STAGING = Path(env.text("TAKEDOWN_STAGING", str(VAR / "staging")))

# --- limits of one submission ---------------------------------------------------------------------
MAX_ITEMS = 300
MAX_PICTURES = 20  # in one form: they are held in memory until they are sealed
MAX_PICTURE_BYTES = 20 * 1024 * 1024
MAX_FORM_BYTES = 200 * 1024 * 1024  # refused by its stated length, before a byte is read
MAX_PAGE_BYTES = 4 * 1024 * 1024  # likewise, of every form but the one that sends pictures
CHILD_SAFETY_FORM_BYTES = 64 * 1024  # refused unread, and so is all that is not text
NOTE_CHARACTERS = 500
DRAFT_SECONDS = 24 * 3600
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024  # 300 fingerprints of 75 kB, made on the device
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000  # a case may have a thousand rows to tick
DATA_UPLOAD_MAX_NUMBER_FILES = MAX_ITEMS  # our own sentence comes at MAX_PICTURES
FILE_UPLOAD_HANDLERS = ["portal.asking.uploads.InMemoryOnly"]

# --- flood control (docs/flood-control.md) ----------------------------------------------------------
PROXIES = max(0, env.number("TAKEDOWN_PROXIES", 0))  # how many stand before us and append to X-Forwarded-For
FLOOD_FORM_SECONDS = 3  # a form that comes back sooner was not filled in by a person
FLOOD_WAIT_SECONDS = 120  # the longest that a look-up is asked to wait
PROOF_TRIES = 400_000  # hashes that a browser makes for one form at the most: a second or two
PROOF_SECONDS = 3600  # how long a browser's sum, or a place in the queue, is good
# How many at once, and how many an hour in the long run.
SUBMISSIONS_OF_AN_ADDRESS = (10, 120)
SUBMISSIONS_OF_ALL = (200, env.number("TAKEDOWN_SUBMISSIONS_AN_HOUR", 3600))
SUBMISSIONS_WITH_PROOF = (300, 2 * SUBMISSIONS_OF_ALL[1])
LOOKS_OF_AN_ADDRESS = (20, 720)
LOOKS_OF_ALL = (60, env.number("TAKEDOWN_LOOKS_AN_HOUR", 7200))
LOOKS_OF_A_PROCESS = (20, 36_000)
LOOKS_IN_ONE = 5  # things that one look-up asks about

#: How long a page that only tells may be given out from memory.
KEPT_PAGE_SECONDS = 30

# --- the work queue -------------------------------------------------------------------------------
LEASE_SECONDS = env.number("TAKEDOWN_LEASE_SECONDS", 120)
MAX_ATTEMPTS = 3
SWEEP_SECONDS = env.number("TAKEDOWN_SWEEP_SECONDS", 10)
BROKER_URL = env.text("TAKEDOWN_BROKER_URL", "filesystem://")
BROKER_FOLDER = VAR / "broker"
BROKER_PREFIX = env.text("TAKEDOWN_BROKER_PREFIX", "takedown.")

# --- Django ---------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csp",
    "portal",
]
MIDDLEWARE = [
    "portal.kept_pages.give_out_kept_pages",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.middleware.tell_of_the_onion",
    "portal.middleware.speak_the_language_of_the_address",
    "portal.middleware.take_no_form_from_elsewhere",
    "portal.middleware.take_small_text_only_for_child_safety",
    "portal.middleware.refuse_oversized_forms",
    "django.middleware.common.CommonMiddleware",
    "portal.middleware.DeskSessions",
    "portal.middleware.DeskCsrf",
    "portal.middleware.DeskSignIn",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
DATABASES = {
    "default": env.database(env.text("DATABASE_URL", ""), sqlite_default=VAR / "portal.sqlite3"),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "portal.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "desk:login"
LOGIN_REDIRECT_URL = "desk:home"
LOGOUT_REDIRECT_URL = "desk:login"
SESSION_COOKIE_AGE = 30 * 60
SESSION_SAVE_EVERY_REQUEST = True  # 30 minutes from the last page, not from signing in
CSRF_FAILURE_VIEW = "portal.views.errors.no_token"
SESSION_COOKIE_PATH = "/desk/"
CSRF_COOKIE_PATH = "/desk/"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = env.words("TAKEDOWN_ORIGINS", "")
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = "portal.formats"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français"), ("es", "Español")]
STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
WHITENOISE_ADD_HEADERS_FUNCTION = static_headers.confine_scripts
STORAGES = {"staticfiles": {"BACKEND": "portal.static_files.HashedModules"}}

# --- what a browser is told -----------------------------------------------------------------------
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if env.switch("TAKEDOWN_BEHIND_TLS_PROXY", default=PRODUCTION):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "style-src": [SELF],
        "img-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- logs: an allow-list formatter, so that nothing a person sent can reach a file -------------------
logging.raiseExceptions = False  # a failing handler would print the message and its arguments
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"events": {"()": "portal.logs.EventFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "events"}},
    "root": {"handlers": ["stderr"], "level": "ERROR"},
    "loggers": {
        "portal": {"level": "INFO"},
        "django": {"handlers": [], "level": "ERROR", "propagate": True},
        "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
    },
}
