"""Addresses. None of them ever holds a receipt or anything a person sent."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import include, path

from portal.views import desk, feed, public, releases

public_pages = [
    path("", public.start, name="start"),
    path("ask/", public.ask_why, name="ask-why"),
    path("ask/what/", public.ask_what, name="ask-what"),
    path("ask/check/", public.ask_check, name="ask-check"),
    path("ask/send/", public.ask_send, name="ask-send"),
    path("help/under-18/", public.help_under_18, name="help-under-18"),
    path("receipt.txt", public.receipt_file, name="receipt-file"),
    path("status/", public.status, name="status"),
    path("status/withdraw/", public.withdraw, name="withdraw"),
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
    path("releases/", releases.overview, name="releases"),
    path("releases/build/", releases.build, name="release-build"),
    path("releases/<int:pk>/publish/", releases.publish, name="release-publish"),
    path("releases/<int:pk>/retry/", releases.retry, name="release-retry"),
    path("releases/<int:pk>/discard/", releases.discard, name="release-discard"),
]

urlpatterns = [
    path("", include((public_pages, "public"))),
    path("desk/", include((desk_pages, "desk"))),
    path("blocklist/", feed.file, {"path": "index.html"}, name="blocklist-start"),
    path("blocklist/<path:path>", feed.file, name="blocklist"),
    path("healthz", feed.health, name="health"),
]

handler400 = "portal.views.feed.bad_request"
handler403 = "portal.views.feed.forbidden"
handler404 = "portal.views.feed.not_found"
handler500 = "portal.views.feed.broken"
