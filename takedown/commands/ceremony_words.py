"""A change of keys, and the keys of a repository, in words; what a folder brought is safe for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from takedown.commands.terminal import shown

if TYPE_CHECKING:
    from takedown.publish.reminders import RoleStatus, Status
    from takedown.publish.root_change_sign import ChangeReview, NamedKey, Needed, RoleChange


def change_lines(review: ChangeReview) -> Iterator[str]:
    """All that a signature on the change would cover, and which signatures there are."""
    if review.version is not None:
        yield f"Root {review.version} of {shown(review.publisher)}, profile {_profile(review)}."
        if review.throwaway:
            yield "It is made for a trial: readers warn, and production refuses it."
        yield f"It lasts until {review.expires:%Y-%m-%d}."
        for role in review.roles:
            yield from _role_lines(role)
    if review.targets_version is not None:
        what = f"of release {review.seq} are signed anew as they are" if review.seq else "are empty"
        until = f"{review.targets_expires:%Y-%m-%d}"
        yield f"The lists {what}: targets {review.targets_version}, until {until}."
    if review.first_root_sha256:
        yield f"The first root file has SHA-256 {review.first_root_sha256}; compare it with yours."
    yield from _need_lines(review.needed)


def signed_lines(review: ChangeReview) -> Iterator[str]:
    """How many signatures there are by now in this folder, and what is next."""
    yield from _need_lines(review.needed)
    if all(need.enough for need in review.needed):
        yield "These are enough: now run 'takedown ceremony finish' where the online keys are."


def in_force_line(review: ChangeReview, root: Path) -> str:
    """What a finished change put into force: a root, or lists that were signed anew under the present one."""
    if review.version is not None:
        return f"In force: {root}, until {review.expires:%Y-%m-%d}."
    lists = root.with_name(f"{review.targets_version}.targets.json")
    return f"In force: {lists}, the lists of release {review.seq}, until {review.targets_expires:%Y-%m-%d}."


def grouped(digest: str) -> str:
    """A digest in groups of four digits, to be read out and compared."""
    return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))


def status_lines(status: Status) -> Iterator[str]:
    """Who can sign what, and until when."""
    yield f"{shown(status.publisher)}: release {status.seq}, profile {shown(status.profile)}."
    if status.throwaway:
        yield "These keys are throw-away keys of a trial: readers warn, and production refuses them."
    for role in status.roles:
        yield _status_line(role)


def status_fields(status: Status) -> dict[str, Any]:
    """The same for programs."""
    return {
        "publisher": status.publisher,
        "profile": status.profile,
        "throwaway": status.throwaway,
        "seq": status.seq,
        "expired": list(status.expired),
        "roles": [_role_fields(role) for role in status.roles],
    }


def change_fields(review: ChangeReview) -> dict[str, Any]:
    """A change for programs."""
    return {
        "publisher": review.publisher,
        "throwaway": review.throwaway,
        "version": review.version,
        "profile": review.profile,
        "profile_before": review.profile_before,
        "expires": review.expires.isoformat() if review.expires else None,
        "targets_version": review.targets_version,
        "targets_expires": review.targets_expires.isoformat() if review.targets_expires else None,
        "seq": review.seq,
        "first_root_sha256": review.first_root_sha256,
        "sha256": review.sha256,
        "roles": [_change_fields(role) for role in review.roles],
        "signatures": [_need_fields(need) for need in review.needed],
    }


def _profile(review: ChangeReview) -> str:
    if review.profile_before in (None, review.profile):
        return review.profile
    return f"{review.profile} (CHANGED from {shown(review.profile_before)})"


def _role_lines(role: RoleChange) -> Iterator[str]:
    changed = f" (CHANGED from {role.before})" if role.before not in (None, role.threshold) else ""
    total = len(role.kept) + len(role.added)
    yield f"{role.role}: {role.threshold} of {total} keys{_few(total, role.wanted)}{changed}"
    for keys, what in ((role.kept, "stays"), (role.added, "COMES"), (role.revoked, "GOES")):
        for key in keys:
            # All digits of a key that comes: another one with the same first digits can be made on purpose.
            yield f"  {what:5}  {f'{key.name} ({grouped(key.keyid)})' if what == 'COMES' else key}"


def _need_lines(needed: Sequence[Needed]) -> Iterator[str]:
    """One line where present and new keys are the same."""
    both = {(need.file, need.by): (need.threshold, need.have, need.missing) for need in needed}
    for need in needed:
        same = both.get((need.file, "before")) == both.get((need.file, "after"))
        if not (same and need.by == "before"):
            whose = "present and new" if same else "present" if need.by == "before" else "new"
            yield _need_line(need, whose)


def _need_line(need: Needed, whose: str) -> str:
    line = f"{need.file}: {len(need.have)} of {need.threshold} signatures by the {whose} {need.role} keys"
    if need.have:
        line += f"; signed by {_names(need.have)}"
    return line if need.enough else f"{line}; can be signed by {_names(need.missing)}"


def _status_line(role: RoleStatus) -> str:
    reminder = role.reminder
    when = f"{reminder.expires:%Y-%m-%d}"
    if reminder.expired:
        state = f"EXPIRED on {when}"
    else:
        state = f"until {when} ({reminder.days_left} days)" + (", DUE: sign it anew" if reminder.due else "")
    return (
        f"{role.role} {reminder.version}: {role.threshold} of {_count(role)}, {state}; "
        f"keys {_names(role.keys)}; signed by {_names(role.signed)}"
    )


def _count(role: RoleStatus) -> str:
    return f"{len(role.keys)} keys{_few(len(role.keys), role.wanted)}"


def _few(there: int, wanted: int) -> str:
    return f" ({wanted - there} FEWER than its profile has: add soon)" if there < wanted else ""


def _names(keys: Iterable[NamedKey]) -> str:
    return ", ".join(map(str, keys)) or "nobody"


def _role_fields(role: RoleStatus) -> dict[str, Any]:
    reminder = role.reminder
    return {
        "role": role.role,
        "version": reminder.version,
        "threshold": role.threshold,
        "wanted": role.wanted,
        "keys": _key_fields(role.keys),
        "signed": _key_fields(role.signed),
        "expires": reminder.expires.isoformat(),
        "days_left": reminder.days_left,
        "due": reminder.due,
        "expired": reminder.expired,
    }


def _change_fields(role: RoleChange) -> dict[str, Any]:
    return {
        "role": role.role,
        "threshold_before": role.before,
        "threshold": role.threshold,
        "wanted": role.wanted,
        "kept": _key_fields(role.kept),
        "added": _key_fields(role.added),
        "revoked": _key_fields(role.revoked),
    }


def _need_fields(need: Needed) -> dict[str, Any]:
    return {
        "file": need.file,
        "role": need.role,
        "by": need.by,
        "threshold": need.threshold,
        "have": _key_fields(need.have),
        "missing": _key_fields(need.missing),
        "enough": need.enough,
    }


def _key_fields(keys: Iterable[NamedKey]) -> list[dict[str, str]]:
    return [{"name": key.name, "keyid": key.keyid} for key in keys]
