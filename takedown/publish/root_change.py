"""What a root may be, and what the next one is: pure rules, no files.

1. ``first_root`` and ``next_root`` build an unsigned root from public keys and a profile.
2. ``check_root`` says whether a root from elsewhere keeps to the profile that it names: thresholds, number of
   keys, one role a key, one name a key, expiry. Nobody signs, and nothing takes effect, without it.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from securesystemslib.signer import Key
from tuf.api.metadata import Root

from takedown.blocklist.root import THROWAWAY_FIELD
from takedown.errors import UsageError, VerificationFailed
from takedown.publish.keyring import PROFILE_FIELD, PROFILES, PUBLISHER_FIELD, Rule, expiry
from takedown.publish.public_keys import LABEL_FIELD, ROLES, PublicKey, is_label, key_of
from takedown.publish.terms import SLACK

#: Fewest digits of a key's identifier that name it on a command line.
SHORT = 8


def first_root(
    keys: Iterable[PublicKey], *, publisher: str, profile: str, throwaway: bool, now: datetime | None
) -> Root:
    """Root, version 1, for exactly the keys that the profile asks for.

    Raises:
        UsageError: unknown profile, or too few, too many or repeated keys.
    """
    rules = _rules(profile)
    fields: dict[str, object] = {PROFILE_FIELD: profile, PUBLISHER_FIELD: publisher}
    root = Root(
        version=1,
        expires=expiry(rules["root"], now),
        consistent_snapshot=True,
        unrecognized_fields=fields | ({THROWAWAY_FIELD: True} if throwaway else {}),
    )
    _add(root, keys)
    _set_thresholds(root, rules)
    for role, rule in rules.items():
        if (there := len(root.roles[role].keyids)) != rule.keys:
            raise UsageError(
                f"Profile {profile} has {rule.keys} {role} key(s), and {there} public file(s) were named; "
                "name one for each.",
                slug="key-count",
            )
    return root


def next_root(
    root: Root,
    *,
    add: Iterable[PublicKey] = (),
    revoke: Sequence[str] = (),
    profile: str | None = None,
    now: datetime | None = None,
) -> Root:
    """The root after this one; with nothing else to change it lasts longer.

    Args:
        root: the newest.
        add: keys that come.
        revoke: keys that go, each by its identifier, the beginning of one, or its name (``targets-a``).
        profile: another profile, None to stay.
        now: the moment that the expiry counts from; the clock when None.

    Raises:
        UsageError: a key is unknown or there already, or a role is left with too few or too many.
    """
    new = copy.deepcopy(root)
    new.version += 1
    for keyid in {find_key(root, name) for name in revoke}:
        for role in (role for role in ROLES if keyid in new.roles[role].keyids):
            new.revoke_key(keyid, role)
    _add(new, add)
    if profile is not None:
        new.unrecognized_fields[PROFILE_FIELD] = profile
    rules = _rules(str(new.unrecognized_fields.get(PROFILE_FIELD, "small")))
    new.expires = expiry(rules["root"], now)
    _set_thresholds(new, rules)
    for role, rule in rules.items():
        # A key may go before the next one comes; but nobody moves to a profile with fewer keys than it has.
        least = rule.threshold if profile is None else rule.keys
        if not least <= (there := len(new.roles[role].keyids)) <= rule.keys:
            raise UsageError(
                f"{role} would have {there} key(s) and needs {least} to {rule.keys}; add or revoke others.",
                slug="key-count",
            )
    return new


def check_root(new: Root, before: Root | None, now: datetime | None) -> None:
    """Nothing when a proposed root keeps to its own profile and follows the one before.

    Args:
        new: as it came, not trusted.
        before: the newest trusted one, None for a new repository.
        now: the moment of the look; the clock when None.

    Raises:
        VerificationFailed: slug ``root-unsafe``.
    """
    rules = PROFILES.get(str(new.unrecognized_fields.get(PROFILE_FIELD)))
    if rules is None:
        raise unsafe("it names no profile that is known here")
    for problem in (*_form(new), *_keys(new, rules), *_steps(new, before)):
        raise unsafe(problem)
    if new.expires > expiry(rules["root"], now) + SLACK:
        raise unsafe(f"it lasts longer than {rules['root'].days} days")


def find_key(root: Root, name: str) -> str:
    """The identifier of the one key of a root that a name means.

    Raises:
        UsageError: no key, or more than one.
    """
    found = [
        keyid
        for keyid in root.keys
        if keyid == name
        or (len(name) >= SHORT and keyid.startswith(name))
        or name in (key_name(root, keyid, role) for role in roles_of(root, keyid))
    ]
    if len(found) != 1:
        which = "More than one key is" if found else "No key is"
        raise UsageError(
            f"{which} called {name} here; give an identifier that 'takedown ceremony status' shows.",
            slug="no-such-key",
        )
    return found[0]


def roles_of(root: Root, keyid: str) -> list[str]:
    """Roles that a key may sign for."""
    return [role for role in ROLES if keyid in root.roles[role].keyids]


def key_name(root: Root, keyid: str, role: str) -> str:
    """What a key is called: ``root-a`` by its label, or its role alone."""
    label = root.keys[keyid].unrecognized_fields.get(LABEL_FIELD)
    return f"{role}-{label}" if isinstance(label, str) and is_label(label) else role


def unsafe(why: str) -> VerificationFailed:
    """The error for a proposal that nobody should sign."""
    sentence = f"The proposed change is not safe to sign: {why}. Delete it and propose it again."
    return VerificationFailed(sentence, slug="root-unsafe")


def _rules(profile: str) -> Mapping[str, Rule]:
    if profile not in PROFILES:
        raise UsageError(f"There is no key profile of that name; choose one of {', '.join(PROFILES)}.")
    return PROFILES[profile]


def _add(root: Root, keys: Iterable[PublicKey]) -> None:
    for one in sorted(keys, key=lambda one: (one.role, one.label, one.key.keyid)):
        if one.key.keyid in root.keys:
            raise UsageError(
                f"The public key {one.role} {one.key.keyid[:SHORT]} is in the root already; "
                "a key has one role, once.",
                slug="key-twice",
            )
        root.add_key(one.key, one.role)


def _set_thresholds(root: Root, rules: Mapping[str, Rule]) -> None:
    for role, rule in rules.items():
        root.roles[role].threshold = rule.threshold


def _form(new: Root) -> Iterator[str]:
    known: Collection[str] = (PROFILE_FIELD, PUBLISHER_FIELD, THROWAWAY_FIELD)
    if new.consistent_snapshot is not True:
        yield "its metadata would not be kept under numbered names"
    if not set(new.unrecognized_fields) <= set(known):
        yield "it has fields that are unknown here"
    if not isinstance(new.unrecognized_fields.get(PUBLISHER_FIELD), str):
        yield "it names no publisher"
    if any(role.unrecognized_fields for role in new.roles.values()):
        yield "a role has fields that are unknown here"


def _keys(new: Root, rules: Mapping[str, Rule]) -> Iterator[str]:
    """A threshold means nothing when one person's key counts twice."""
    used = [keyid for role in ROLES for keyid in new.roles[role].keyids]
    if len(set(used)) != len(used) or set(used) != set(new.keys):
        yield "a key has more than one role, or none"
    for keyid, key in new.keys.items():
        if not _is_plain(keyid, key):
            yield f"the key {keyid[:SHORT]} is not an Ed25519 key under its own identifier"
    for role, rule in rules.items():
        found = new.roles[role]
        if found.threshold != rule.threshold:
            yield f"{role} needs {found.threshold} signature(s) where its profile says {rule.threshold}"
        if not rule.threshold <= len(found.keyids) <= rule.keys:
            yield f"{role} has {len(found.keyids)} key(s) where its profile says up to {rule.keys}"


def _is_plain(keyid: str, key: Key) -> bool:
    try:
        right = key_of(str(key.keyval.get("public")))
    except ValueError:
        return False
    labels = set(key.unrecognized_fields) <= {LABEL_FIELD} and all(
        isinstance(label, str) and is_label(label) for label in key.unrecognized_fields.values()
    )
    same = (key.keytype, key.scheme, key.keyval) == (right.keytype, right.scheme, right.keyval)
    return labels and same and keyid == right.keyid


def _steps(new: Root, before: Root | None) -> Iterator[str]:
    if new.version != (before.version + 1 if before else 1):
        yield "it is not the next version"
    if before is not None:
        for field, what in ((PUBLISHER_FIELD, "publisher's name"), (THROWAWAY_FIELD, "mark of a trial")):
            if new.unrecognized_fields.get(field) != before.unrecognized_fields.get(field):
                yield f"it changes the {what}"
