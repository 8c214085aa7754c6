"""Proof that whoever asks for a whole site controls it, without a word about who they are.

1. ``instructions``: the person puts one line with a token into a file on the site, or into a DNS record.
2. ``check``: a reviewer has a look, whenever they choose to: for the file over https (over http only where
   nobody answers for https at all), then for the record.
3. What is kept is whether it was proven, how, on which day, who looked, and why not: nothing of what the
   site answered. A look that finds nothing can be repeated.

The proof is for exactly the host that was named: neither a redirect to another host nor a record that is an
alias (CNAME) of another name counts, and ``www.`` makes another host. Whoever proves a host has proven
every path on it. Nothing is ever fetched on a restricted ground.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.resolver
from django.db import transaction
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.days import today
from portal.models import Event, Item, SiteControl, User
from portal.models.turns import Turn, take_turns
from portal.policy import current
from takedown.errors import FetchFailed
from takedown.fetch import Fetched, Limits, fetch
from takedown.urls import canonical

log = logging.getLogger(__name__)

#: Where the file is looked for (RFC 8615), and what stands before the host in the name of the DNS record.
FILE = "/.well-known/takedown-request.txt"
RECORD = "_takedown-request"

#: A file of one line needs no more; two looks (https, http) and one at the record take 21 seconds at most.
LIMITS = Limits(seconds=8.0, connect_seconds=2.0, data_bytes=65_536)
DNS_SECONDS = 5.0

#: What was wrong at the last look -> what to tell the person; whatever is not here has the last sentence.
REASONS: Mapping[str, str | Promise] = {
    "file-missing": _("We found neither the file nor the DNS record."),
    "file-refused": _("The site did not give us the file, and there is no DNS record."),
    "file-other": _("The file is there, but the line is not in it."),
    "record-other": _("The DNS record is there, but the line is not in it."),
    "record-unanswered": _("We found no file, and the name servers of the site did not answer."),
    "fetch-unreachable": _("Nobody answers at this site, and there is no DNS record."),
    "fetch-no-host": _("The name of this site is not known, and there is no DNS record."),
    "fetch-tls": _("The certificate of the site is not valid, and there is no DNS record."),
    "fetch-other-host": _("The site sends us on to another host, which proves nothing about this one."),
}
_UNREADABLE = _("The site could not give us the file, and there is no DNS record.")


class ControlError(Exception):
    """A look that is not possible; the text says why and what to do."""


@dataclass(frozen=True)
class Instructions:
    """``line`` belongs into the file at ``path`` of ``host``, or into the TXT record ``record``."""

    host: str
    path: str
    record: str
    line: str


def instructions(control: SiteControl) -> Instructions:
    """What the person does to prove that a site is theirs."""
    host = _host(control.item)
    return Instructions(host, FILE, f"{RECORD}.{host}", f"takedown-request={control.token}")


def reason(control: SiteControl) -> str | Promise:
    """Why the last look proved nothing, in one sentence for the person; empty where nothing is to say."""
    return REASONS.get(control.problem, _UNREADABLE) if control.problem else ""


def waiting() -> QuerySet[SiteControl]:
    """The sites that wait for a look, the earliest deadline first."""
    waits = _open_to_a_look().filter(item__state=Item.State.WAITS_FOR_PROOF)
    return waits.order_by("item__submission__due", "pk")


def looked_at() -> QuerySet[SiteControl]:
    """The sites that somebody has looked at."""
    return _open_to_a_look().exclude(checked=None)


def _open_to_a_look() -> QuerySet[SiteControl]:
    """All but what stands under a restricted ground."""
    restricted = [ground.name for ground in current().grounds.values() if ground.restricted]
    found = SiteControl.objects.filter(item__restricted=False)
    found = found.exclude(item__submission__ground__in=restricted)
    return found.select_related("item__submission", "checked_by")


def check(control: SiteControl, user: User) -> SiteControl:
    """Look for the proof now. The item of a proven site is ready for matching; poke a worker for it.

    Raises:
        ControlError: the ground is restricted, or the site waits for no look any more.
    """
    item = control.item
    if item.restricted or current().ground(item.submission.ground).restricted:
        raise ControlError("Nothing is ever fetched for this ground; pass the site on to the hotline.")
    if not waiting().filter(pk=control.pk).exists():
        raise ControlError("This site no longer waits for a proof; look at the list again.")
    method, problem = _look(instructions(control))
    with transaction.atomic():
        take_turns(Turn.DESK)
        _store(control, user, method, problem)
    log.info("site.checked", extra={"item": item.pk, "slug": problem or method})
    return control


def txt_records(name: str) -> list[str]:
    """The TXT records of exactly this name; an alias of another name has none.

    Raises:
        OSError: the name servers gave no answer.
    """
    try:
        wanted = dns.name.from_text(name)
        answer = dns.resolver.Resolver().resolve(wanted, "TXT", search=False, lifetime=DNS_SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException:
        raise OSError("no answer") from None
    if answer.canonical_name != wanted:
        return []
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


def _look(wanted: Instructions) -> tuple[str, str]:
    """How it is proven and an empty text, or an empty text and what was wrong."""
    file_problem = _file_problem(wanted)
    if not file_problem:
        return SiteControl.Method.FILE, ""
    record_problem = _record_problem(wanted)
    if not record_problem:
        return SiteControl.Method.DNS, ""
    return "", file_problem if record_problem == "record-missing" else record_problem


def _file_problem(wanted: Instructions) -> str:
    problem = ""
    for scheme in ("https", "http"):
        try:
            return _judged(
                fetch(f"{scheme}://{wanted.host}{wanted.path}", limits=LIMITS, same_host=True), wanted
            )
        except FetchFailed as error:
            problem = error.slug
        if problem != "fetch-unreachable":
            break
    return problem


def _judged(found: Fetched, wanted: Instructions) -> str:
    if found.status != 200:
        return "file-missing" if found.status in (404, 410) else "file-refused"
    lines = found.data.decode("utf-8-sig", "replace").splitlines()
    return "" if wanted.line in (line.strip() for line in lines) else "file-other"


def _record_problem(wanted: Instructions) -> str:
    try:
        records = txt_records(wanted.record)
    except OSError:
        return "record-unanswered"
    if wanted.line in (record.strip() for record in records):
        return ""
    return "record-other" if records else "record-missing"


def _store(control: SiteControl, user: User, method: str, problem: str) -> None:
    """Keep the outcome, unless the request was taken back while we looked."""
    states = SiteControl.State
    outcome = states.PROVEN if method else states.FAILED
    waits = Item.objects.filter(pk=control.item_id, state=Item.State.WAITS_FOR_PROOF)
    if not (waits.update(state=Item.State.READY) if method else waits.exists()):
        raise ControlError("This site no longer waits for a proof; look at the list again.")
    control.state, control.method, control.problem = outcome, method, problem[:60]
    control.checked, control.checked_by = today(), user
    control.save(update_fields=["state", "method", "problem", "checked", "checked_by"])
    Event.record("site.proven" if method else "site.not-proven", control, actor=user)


def _host(item: Item) -> str:
    """The canonical host of a site, which may be stored with or without its scheme."""
    form = canonical(item.url if "://" in item.url else f"https://{item.url}")
    return form.removeprefix("https://").partition("/")[0]
