"""People, an index and submissions for tests of the portal. Alice, Bob and Carol review, Mara releases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from crawl import shown, two_addresses  # noqa: F401 - fixtures
from django.contrib.auth.models import Group, Permission
from django.test import Client

from portal import sealing
from portal.asking import intake
from portal.asking.drafts import Draft
from portal.deciding import review
from portal.finding import indexes, matching
from portal.flood import limits
from portal.letters import message_keys
from portal.models import Case, DatasetIndex, Item, Match, Submission, User
from portal.models.user import ROLES
from portal.sample import Sample, write_sample
from takedown import sandbox
from takedown.index import build_index


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("sample") / "sample", pictures=24)


@pytest.fixture(scope="session")
def sample_index(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("index") / "sample-pictures"
    build_index(folder, [sample.pictures], name="sample-pictures")
    yield folder
    sandbox.close()


@pytest.fixture
def index(db: None, sample_index: Path) -> DatasetIndex:
    return indexes.register(sample_index)


@pytest.fixture(autouse=True)
def places(settings: object, tmp_path: Path) -> None:
    """Every test has its own keys, repository and staging folder, and nothing was counted before it."""
    settings.VAR = tmp_path
    settings.INTAKE_PUBLIC_KEYS = tmp_path / "keys" / "intake" / "public"
    settings.INTAKE_PRIVATE_KEYS = tmp_path / "keys" / "intake" / "private"
    settings.MESSAGE_KEYS = tmp_path / "keys" / "messages"
    settings.ONLINE_KEYS = tmp_path / "keys" / "online"
    settings.REPOSITORY = tmp_path / "blocklist"
    settings.STAGING = tmp_path / "staging"
    sealing.rotate()
    limits.process().forget()
    message_keys.make()


def _person(name: str, *roles: str) -> User:
    user = User.objects.create_user(name, "correct horse battery")
    for role in roles:
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.set(Permission.objects.filter(codename__in=ROLES[role]))
        user.groups.add(group)
    return user


@pytest.fixture
def use_policy(settings: object, tmp_path: Path) -> Callable[[str], None]:
    """Put another policy.toml in force, as a restart does."""
    written = iter(range(100))

    def use(text: str) -> None:
        settings.POLICY_FILE = tmp_path / f"policy-{next(written)}.toml"
        settings.POLICY_FILE.write_text(text)

    return use


@pytest.fixture
def alice(db: None) -> User:
    return _person("alice", "reviewer")


@pytest.fixture
def bob(db: None) -> User:
    return _person("bob", "reviewer")


@pytest.fixture
def carol(db: None) -> User:
    """Reviews cases about the abuse of children too."""
    return _person("carol", "reviewer", "child safety")


@pytest.fixture
def mara(db: None) -> User:
    return _person("mara", "release manager")


@pytest.fixture
def signed_in() -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def submit(db: None) -> Callable[..., Submission]:
    """Accept a submission as the last page does, without running any task."""

    def accept(
        *addresses: str, ground: str = "private", note: str = "", keep: bool = False, **sent: Any
    ) -> Submission:
        draft = Draft(ground=ground, note=note, keep=keep)
        return intake.accept(draft, intake.Sent(addresses, **sent)).submission

    return accept


@pytest.fixture
def work(db: None) -> Callable[[Submission], None]:
    """Do what the worker does for every item that is due."""

    def run(submission: Submission) -> None:
        for item in submission.items.filter(state=Item.State.SEALED):
            matching.fingerprint_item(item.pk)
        for item in submission.items.filter(state=Item.State.READY):
            matching.match_item(item.pk)

    return run


@pytest.fixture
def remove(
    index: DatasetIndex,
    submit: Callable[..., Submission],
    work: Callable[[Submission], None],
    sample: object,
    alice: User,
    bob: User,
) -> Callable[[int], Submission]:
    """Two people decide that a row of the sample goes."""

    def run(row: int) -> Submission:
        submission = submit(sample.rows[row].url)
        work(submission)
        case = Case.objects.get(case_items__item__submission=submission)
        exact = Match.objects.filter(item__submission=submission, how="url-exact", via="")
        chosen = exact.values_list("pk", flat=True)
        review.confirm(review.propose_removal(case, alice, chosen, "address"), bob)
        return submission

    return run
