"""Sign-ins of Docker Desktop that are under way, and codes that were entered wrongly.

Rows live for minutes: what lasts of a sign-in is its device, its token and the audit log.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from orgs.domain.device_sign_in import (
    CLIENT_ID_LENGTH,
    DESKTOP_VERSION_LENGTH,
    DEVICE_ID_LENGTH,
    DEVICE_NAME_LENGTH,
    OS_LENGTH,
    POLL_SECONDS,
    USER_AGENT_LENGTH,
    USER_CODE_LENGTH,
    SignInState,
)
from orgs.models.members import Member
from orgs.models.organizations import Organization


class DeviceSignIn(models.Model):
    """One start by a Desktop: who asked from where, how far it came, for whom.

    The device code, which fetches the token, is stored as its SHA-256; the user code, which
    opens nothing without a signed-in person, as it is. `opened_by` is the person who last
    entered it: only they may decide. `organization` and `member` are set once it is approved.
    """

    client_id = models.CharField(max_length=CLIENT_ID_LENGTH)
    device_code_hash = models.BinaryField(unique=True)
    user_code = models.CharField(max_length=USER_CODE_LENGTH, unique=True)
    device_id = models.CharField(max_length=DEVICE_ID_LENGTH)
    device_name = models.CharField(max_length=DEVICE_NAME_LENGTH, blank=True)
    os = models.CharField(max_length=OS_LENGTH, blank=True)
    desktop_version = models.CharField(max_length=DESKTOP_VERSION_LENGTH, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=USER_AGENT_LENGTH, blank=True)
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    interval_seconds = models.PositiveSmallIntegerField(default=POLL_SECONDS)
    last_polled_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(
        max_length=9,
        choices=[(state.value, state.value) for state in SignInState],
        default=SignInState.PENDING.value,
    )
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    # a composite foreign key (in the migration) holds it, with the organization
    member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["expires_at"], name="sign_ins_by_expiry"),
            models.Index(fields=["address", "started_at"], name="sign_ins_of_address"),
        ]
        constraints = [
            models.CheckConstraint(
                name="sign_in_state_is_known",
                condition=Q(state__in=[state.value for state in SignInState]),
            ),
            models.CheckConstraint(
                name="sign_in_expires_after_its_start",
                condition=Q(expires_at__gt=F("started_at")),
            ),
            models.CheckConstraint(
                name="sign_in_approved_for_a_member",
                condition=Q(~Q(state="pending"), organization__isnull=False, member__isnull=False)
                | Q(
                    state__in=["pending", "denied"],
                    organization__isnull=True,
                    member__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="sign_in_decided_by_who_opened_it",
                condition=Q(state="pending", decided_at__isnull=True)
                | (~Q(state="pending") & Q(decided_at__isnull=False, opened_by__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"sign-in {self.pk} of {self.client_id}"

    def get_state(self) -> SignInState:
        """Return the stored state as the domain's value."""
        return SignInState(self.state)


class WrongUserCode(models.Model):
    """Someone entered a user code that opened nothing. What they entered is not kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    address = models.GenericIPAddressField(null=True, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["user", "at"], name="wrong_codes_of_person"),
            models.Index(fields=["address", "at"], name="wrong_codes_of_address"),
            models.Index(fields=["at"], name="wrong_codes_by_age"),
        ]

    def __str__(self) -> str:
        return f"wrong code by user {self.user_id} at {self.at}"
