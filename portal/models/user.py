"""The people at the desk. They sign in with a name they were given; no e-mail, no time of last login."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models

#: Role -> what it may do. Roles are groups; `manage.py prepare` keeps their permissions as listed here.
ROLES = {
    "reviewer": ("review_case",),
    "child safety": ("review_restricted",),
    "release manager": ("manage_release",),
}


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None) -> User:
        user = self.model(username=username)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    last_login = None  # dates are days, and nobody needs to know when a colleague worked
    username = models.CharField(max_length=60, unique=True)
    is_active = models.BooleanField(default=True)

    objects = UserManager()

    USERNAME_FIELD = "username"

    class Meta:
        default_permissions = ()
        permissions = [
            ("review_case", "Can see cases and decide"),
            ("review_restricted", "Can see cases about the abuse of children too"),
            ("manage_release", "Can build and publish releases"),
        ]

    def __str__(self) -> str:
        return self.username
