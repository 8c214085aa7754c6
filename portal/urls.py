"""Addresses. None of them ever holds a receipt or anything a person sent.

Public pages stand under their language (/en/, /de/ ...); an address without one leads to the reader's.
"""

from __future__ import annotations

from django.conf.urls.i18n import i18n_patterns
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from portal.views import about, ask, desk, feed, look, releases, report, requests, sites, status, under_18

public_pages = [
    *about.pages,
    *ask.pages,
    *look.pages,
    *report.pages,
    *status.pages,
    *under_18.pages,
]

desk_pages = [
    path("", desk.home, name="home"),
    path("cases/", desk.queue, name="queue"),
    path("sign-in/", desk.SignIn.as_view(), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("case/<int:pk>/", desk.case, name="case"),
    path("case/<int:pk>/propose/", desk.propose, name="propose"),
    path("case/<int:pk>/refuse/", desk.refuse, name="refuse"),
    path("case/<int:pk>/unblock/<int:item>/", desk.unblock, name="unblock"),
    path("decision/<int:pk>/confirm/", desk.confirm, name="confirm"),
    path("decision/<int:pk>/send-back/", desk.send_back, name="send-back"),
    path("item/<int:pk>/retry/", desk.retry, name="retry"),
    *requests.pages,
    *sites.pages,
    path("releases/", releases.overview, name="releases"),
    path("releases/build/", releases.build, name="release-build"),
    path("releases/<int:pk>/publish/", releases.publish, name="release-publish"),
    path("releases/<int:pk>/retry/", releases.retry, name="release-retry"),
    path("releases/<int:pk>/discard/", releases.discard, name="release-discard"),
]

urlpatterns = [
    *i18n_patterns(path("", include((public_pages, "public")))),
    *report.files,
    path("desk/", include((desk_pages, "desk"))),
    path("blocklist/", feed.file, {"path": "index.html"}, name="blocklist-start"),
    path("blocklist/<path:path>", feed.file, name="blocklist"),
    path("healthz", feed.health, name="health"),
]

handler400 = "portal.views.errors.bad_request"
handler403 = "portal.views.errors.forbidden"
handler404 = "portal.views.errors.not_found"
handler500 = "portal.views.errors.broken"
