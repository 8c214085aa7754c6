"""A signature stands for exactly what the signer was shown, and for nothing that was not shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import DelegatedRole, Delegations, Metadata

from takedown import disk
from takedown import publish as writer
from takedown.errors import UsageError, VerificationFailed
from takedown.publish import EditionDraft, TermChange
from takedown.publish import sign as sign_release


def targets_file(staging: Path) -> Path:
    return next((staging / "metadata").glob("*.targets.json"))


def alter(staging: Path, change: Callable[[Any], object]) -> None:
    """Alter the targets metadata of a staging folder."""
    metadata: Any = Metadata.from_bytes(targets_file(staging).read_bytes())
    change(metadata)
    targets_file(staging).write_bytes(metadata.to_bytes())


def far_expiry(metadata: Any) -> None:
    metadata.signed.expires = datetime(9000, 1, 1, tzinfo=UTC)


def little_too_far(metadata: Any) -> None:
    metadata.signed.expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=91, minutes=1)


def delegate(metadata: Any) -> None:
    role = DelegatedRole("other", [], 1, terminating=False, paths=["*"])
    metadata.signed.delegations = Delegations({}, {"other": role})


def signed_field(metadata: Any) -> None:
    metadata.signed.unrecognized_fields["x-more"] = "anything"


def target_field(metadata: Any) -> None:
    next(iter(metadata.signed.targets.values())).unrecognized_fields["custom"] = {"more": 1}


def outer_field(metadata: Any) -> None:
    metadata.unrecognized_fields["x-more"] = 1


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        (far_expiry, "expires-too-late"),
        (little_too_far, "expires-too-late"),
        (delegate, "delegations"),
        (signed_field, "unknown-fields"),
        (target_field, "unknown-fields"),
        (outer_field, "unknown-fields"),
    ],
)
def test_what_no_release_holds_is_neither_signed_nor_published(
    desk: Any, change: Callable[[Any], object], slug: str
) -> None:
    staging, _ = desk.stage(["a"])
    alter(staging, change)
    before = targets_file(staging).read_bytes()
    for call in (
        lambda: writer.review(desk.repository, staging),
        lambda: desk.sign(staging),
        lambda: desk.publish(staging),
    ):
        with pytest.raises(VerificationFailed) as caught:
            call()
        assert caught.value.slug == slug
    assert targets_file(staging).read_bytes() == before


def test_clocks_may_differ_by_less_than_a_day(desk: Any) -> None:
    staging, _ = desk.stage(["a"], now=datetime.now(UTC) + timedelta(hours=23))
    desk.sign(staging)
    assert desk.publish(staging) == 1


def test_review_shows_every_term_and_what_changed(desk: Any) -> None:
    desk.release(["a"])
    draft = EditionDraft("research", [], k_min=5, disposition="purge")
    staging, _ = desk.stage_drafts(
        [draft], publisher="Other", dataset_ids=["one", "two"], min_client="9.0", audit_head="ab" * 32
    )
    review = writer.review(desk.repository, staging)
    terms = review.terms
    assert (review.seq, terms.publisher, terms.dataset_ids) == (2, "Other", ("one", "two"))
    assert (terms.min_client, terms.audit_head) == ("9.0", "ab" * 32)
    assert review.editions[0].changed == (
        TermChange("publisher", "Example", "Other"),
        TermChange("dataset_ids", "example/dataset", "one, two"),
        TermChange("min_client", "0.1.0", "9.0"),
        TermChange("k_min", "0", "5"),
        TermChange("disposition", "quarantine", "purge"),
    )


def test_an_edition_cut_to_another_length_is_shown_as_changed(desk: Any) -> None:
    desk.release(["a"])
    staging, _ = desk.stage(["a"], prefix_hex=7)
    assert writer.review(desk.repository, staging).editions[0].changed == (
        TermChange("prefix_hex", "64", "7"),
    )


@pytest.mark.parametrize(("before", "after"), [(64, 12), (12, 64), (12, 11)])
def test_what_goes_is_shown_where_the_list_is_cut_to_another_length_too(
    desk: Any, before: int, after: int
) -> None:
    """Else a portal could drop or exchange entries in the release that changes the length."""
    desk.release(["a", "b", "c"], prefix_hex=before)
    staging, _ = desk.stage(["c", "d"], prefix_hex=after)
    change = writer.review(desk.repository, staging).editions[0]
    assert (change.added, change.removed, change.rows) == (1, 2, 2)


def test_editions_that_say_different_things_are_not_one_release(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = writer.stage.__globals__["_manifest"]

    def another_publisher(draft: EditionDraft, *arguments: Any) -> Any:
        manifest = make(draft, *arguments)
        if draft.name == "second":
            object.__setattr__(manifest, "publisher", "Other")
        return manifest

    monkeypatch.setitem(writer.stage.__globals__, "_manifest", another_publisher)
    with pytest.raises(VerificationFailed, match="different publishers"):
        desk.stage_drafts([EditionDraft("first", []), EditionDraft("second", [])])


def test_a_release_that_changed_after_the_review_is_not_signed(desk: Any) -> None:
    staging, _ = desk.stage(["a"])
    other, _ = desk.stage(["a", "b"])
    shown = writer.review(desk.repository, staging).sha256
    staging.rename(staging.with_name("away"))
    other.rename(staging)
    with pytest.raises(VerificationFailed) as caught:
        sign_release(desk.repository, staging, desk.keys / "targets-1.pem", expected=shown)
    assert caught.value.slug == "staging-changed"
    assert writer.signatures(desk.repository, staging).valid == 0


def test_another_managers_signature_is_no_change(make_desk: Callable[..., Any]) -> None:
    desk = make_desk("strict", profile="strict")
    staging, _ = desk.stage(["a"])
    shown = writer.review(desk.repository, staging).sha256
    desk.sign(staging, "targets-2")
    sign_release(desk.repository, staging, desk.keys / "targets-1.pem", expected=shown)
    assert writer.signatures(desk.repository, staging).enough


def test_two_managers_who_sign_at_once_both_keep_their_signatures(
    make_desk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk("strict", profile="strict")
    staging, _ = desk.stage(["a"])
    write = disk.write

    def slow(*arguments: Any) -> None:
        time.sleep(0.2)  # time enough for the other to have read the folder
        write(*arguments)

    monkeypatch.setattr(disk, "write", slow)
    managers = [
        threading.Thread(target=desk.sign, args=(staging, which)) for which in ("targets-1", "targets-2")
    ]
    for manager in managers:
        manager.start()
    for manager in managers:
        manager.join()
    assert writer.signatures(desk.repository, staging).valid == 2


def test_a_lock_file_that_another_user_made_can_be_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def readable_only(path: Path, mode: str) -> Any:
        if mode != "rb":
            raise PermissionError
        return path.open(mode)

    (tmp_path / ".lock").touch()
    monkeypatch.setattr(disk, "open", readable_only, raising=False)
    held = False
    with disk.locked(tmp_path / ".lock"):
        held = True
    assert held


def test_a_folder_that_is_no_staging_is_left_alone(desk: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        sign_release(desk.repository, tmp_path / "none", desk.keys / "targets-1.pem")
    assert not (tmp_path / "none").exists()
