"""Changes of keys, each proposed and signed by just enough, ready to be finished.

They start from the small profile, root keys a to c and targets keys a and b, with lists signed by targets-a.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from factories.keyholders import Publisher

Prepare = Callable[[Publisher], Path]


def renewed(publisher: Publisher) -> Path:
    change = publisher.propose()
    publisher.sign(change, "root-a", "root-c")
    return change


def root_key_replaced(publisher: Publisher) -> Path:
    change = publisher.propose(add=[publisher.make("root", "d")], revoke=["root-a"])
    publisher.sign(change, "root-b", "root-c")
    return change


def root_keys_replaced_all(publisher: Publisher) -> Path:
    new = [publisher.make("root", label) for label in "def"]
    change = publisher.propose(add=new, revoke=["root-a", "root-b", "root-c"])
    publisher.sign(change, "root-a", "root-b", "root-e", "root-f")
    return change


def signing_targets_key_revoked(publisher: Publisher) -> Path:
    change = publisher.propose(add=[publisher.make("targets", "c")], revoke=["targets-a"])
    publisher.sign(change, "root-a", "root-b", "targets-b")
    return change


def targets_keys_replaced_all(publisher: Publisher) -> Path:
    new = [publisher.make("targets", label) for label in "cd"]
    change = publisher.propose(add=new, revoke=["targets-a", "targets-b"])
    publisher.sign(change, "root-a", "root-b", "targets-b", "targets-d")
    return change


def online_keys_replaced(publisher: Publisher) -> Path:
    new = [publisher.make("snapshot", "2027"), publisher.make("timestamp", "2027")]
    change = publisher.propose(add=new, revoke=["snapshot", "timestamp"])
    publisher.sign(change, "root-a", "root-b")
    return change


def from_small_to_strict(publisher: Publisher) -> Path:
    new = [publisher.make("root", label) for label in "de"] + [publisher.make("targets", "c")]
    change = publisher.propose(add=new, profile="strict")
    publisher.sign(change, "root-a", "root-d", "root-e", "root-b", "targets-a", "targets-c")
    publisher.targets_threshold = 2
    return change


def lists_signed_for_longer(publisher: Publisher) -> Path:
    change = publisher.propose(targets_only=True)
    publisher.sign(change, "targets-b")
    return change


CHANGES = [
    renewed,
    root_key_replaced,
    root_keys_replaced_all,
    signing_targets_key_revoked,
    targets_keys_replaced_all,
    online_keys_replaced,
    from_small_to_strict,
    lists_signed_for_longer,
]
