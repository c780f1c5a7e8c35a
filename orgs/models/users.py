"""People who sign in. A user is global; what a person is in an organization is a `Member`."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from orgs.domain.names import EMAIL_LENGTH, NAME_LENGTH, normalize_email


class UserManager(BaseUserManager["User"]):
    """Makes users by e-mail address; Django's `createsuperuser` and allauth call it."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a user; without a password none can be used until one is set."""
        user = self.model(email=normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a user of our own staff who may open the operator's side."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user of an address in any case, for Django's own backend and commands."""
        return self.get(email=normalize_email(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    """One person's sign-in, by e-mail address. The address is stored normalized (lower case)."""

    class Locale(models.TextChoices):
        """The language a person chose; empty follows the browser."""

        BROWSER = "", "-"
        ZH_HANS = "zh-hans", "简体中文"
        EN = "en", "English"

    email = models.EmailField(max_length=EMAIL_LENGTH, unique=True)
    name = models.CharField(max_length=NAME_LENGTH, blank=True)
    locale = models.CharField(max_length=16, choices=Locale, blank=True, default=Locale.BROWSER)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="user_email_is_normalized", condition=Q(email=Lower(F("email")))
            ),
            models.CheckConstraint(
                name="user_locale_is_known", condition=Q(locale__in=["", "zh-hans", "en"])
            ),
        ]

    def __str__(self) -> str:
        return self.email
