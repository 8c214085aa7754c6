"""The people and keys of a trial."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.test import Client

from portal import demo
from portal.models import User
from portal.models.user import ROLES


def _quiet(_: str) -> None:
    pass


def test_people_get_the_passwords_that_are_printed_even_on_another_database(db: None, client: Client) -> None:
    """The file with the passwords outlives the database, or serves a second one."""
    for role in ROLES:
        Group.objects.get_or_create(name=role)
    demo.people(_quiet)
    first = demo.logins()
    User.objects.all().delete()
    demo.people(_quiet)
    assert demo.logins() == first
    for name, word in first.items():
        assert client.login(username=name, password=word), name


def test_a_ceremony_that_was_interrupted_is_finished(settings: object) -> None:
    demo.hold_ceremony(_quiet)
    (settings.ONLINE_KEYS / "snapshot.pem").rename(demo.release_keys() / "snapshot.pem")
    demo.hold_ceremony(_quiet)
    assert (settings.ONLINE_KEYS / "snapshot.pem").exists()
    assert not (demo.release_keys() / "snapshot.pem").exists()
