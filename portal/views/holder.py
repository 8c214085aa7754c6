"""The page of a receipt: who has the words sees it, and every other words get one and the same answer.

The words come by POST and never stand in an address. That they are wrong, unknown or erased makes no
difference in status, headers or size; which word is none of ours is said without looking anything up.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from portal import terms
from portal.answering import status
from portal.answering.standing import STAGES
from portal.asking import intake
from portal.letters import messages
from portal.models import Item, Submission
from portal.policy import current
from portal.releasing import proofs
from portal.said import sentence
from portal.views.public_page import Problems, never_stored, show
from takedown import receipt
from takedown.errors import BadReceipt

HolderView = Callable[[HttpRequest, receipt.Receipt, Submission], HttpResponse]

#: Items and messages shown at once: a page stays below 50 kB with 300 items and 50 long messages.
ITEMS_A_PAGE, MESSAGES_A_PAGE = 25, 5
#: Bytes of the answer to words that open nothing, whatever was typed and whatever is wrong.
REFUSAL_BYTES = 16_384
#: Characters of what was typed that are shown again.
TYPED_AGAIN = 300


def with_words(view: HolderView) -> Callable[[HttpRequest], HttpResponse]:
    """A view that is reached with the words of a receipt only."""

    @never_stored
    @require_POST
    @wraps(view)
    def opened(request: HttpRequest) -> HttpResponse:
        try:
            words = receipt.parse(request.POST.get("words", ""))
        except BadReceipt as error:
            return ask_words(request, sentence(error))
        submission = intake.find(words)
        if submission is None:
            return ask_words(
                request, _("We found no request under these words. Please check each word and try again.")
            )
        return view(request, words, submission)

    return opened


def ask_words(request: HttpRequest, problem: str) -> HttpResponse:
    """Ask again; the answer has the status of one that succeeds and always the same size."""
    typed = request.POST.get("words", "")[:TYPED_AGAIN]
    page = show(
        request,
        "public/status_ask.html",
        {"words": [problem]},
        status=200,
        typed=typed,
        again={"action": "public:status", "fields": {"words": typed}},
    )
    page.content += b" " * (-len(page.content) % REFUSAL_BYTES)
    return page


def show_status(
    request: HttpRequest,
    words: receipt.Receipt,
    submission: Submission,
    problems: Problems | None = None,
    *,
    done: str = "",
    code: int | None = None,
) -> HttpResponse:
    """Everything the holder may know, a page of items at a time.

    Args:
        done: what was just done, in one sentence.
        code: HTTP status where it is not the usual one.
    """
    every = status.of(submission)
    stages = status.stages(every)
    stage = request.POST.get("show", "")
    items = [one for one in every if one.standing.stage == stage] if stage in stages else every
    page = Paginator(items, ITEMS_A_PAGE).get_page(request.POST.get("page"))
    answered = {"removed", "stays", "back"} & stages.keys()
    told = proofs.releases(submission) if answered else []
    return show(
        request,
        "public/status.html",
        problems,
        code,
        words=words,
        submission=submission,
        ground=current().ground(submission.ground),
        page=page,
        count=len(every),
        stages=[(name, STAGES[name], number) for name, number in stages.items()],
        stage=stage if stage in stages else "",
        not_found=sum(one.name == "not-found" and not one.item.keep_until for one in every),
        some_removed="removed" in stages,
        some_not_found=any(one.name == "not-found" for one in every),
        keep_until=terms.kept_until(),
        told=_told(told),
        repository=request.build_absolute_uri(reverse("blocklist-start")).rstrip("/") if told else "",
        prove_page=bool(told) and (settings.REPOSITORY / "prove.html").is_file(),
        typed=request.POST.get("text", "") if problems else "",
        most=messages.MAX_CHARACTERS,
        done=done,
        again={"action": "public:status", "fields": {"words": words.text, "show": stage}},
        **_thread(request, words, submission),
    )


def item_of(request: HttpRequest, submission: Submission) -> Item | None:
    """The item that a button named, if the submission has it."""
    number = request.POST.get("item", "")[:5]
    if not (number.isascii() and number.isdigit()):
        return None
    return submission.items.select_related("case_item__case").filter(number=int(number)).first()


def _thread(request: HttpRequest, words: receipt.Receipt, submission: Submission) -> dict[str, object]:
    """The newest messages, or those before some number; no key is made where there are none."""
    everything = list(submission.messages.defer("for_desk").order_by("number"))
    if not everything:
        return {"thread": [], "new_messages": 0}
    before = request.POST.get("before", "")[:5]
    last = int(before) if before.isascii() and before.isdigit() else everything[-1].number + 1
    shown = [one for one in everything if one.number < last][-MESSAGES_A_PAGE:] or everything[:1]
    new = sum(one.from_desk and not one.read for one in everything)
    thread = messages.for_person(shown, words.message_private_key)
    if new and last > everything[-1].number:
        messages.mark_read(submission, from_desk=True)
    return {"thread": thread, "new_messages": new, "earlier": shown[0].number if shown[0].number > 1 else 0}


def _told(releases: list[int]) -> str:
    """In which releases it can be looked up what was done."""
    if not releases:
        return ""
    text = ngettext(
        "Release %(numbers)s of our list says what was done about your request. It is written in a way that "
        "only your eight words can find and read.",
        "Releases %(numbers)s of our list say what was done about your request. It is written in a way that "
        "only your eight words can find and read.",
        len(releases),
    )
    return text % {"numbers": get_text_list([str(seq) for seq in releases], _("and"))}
