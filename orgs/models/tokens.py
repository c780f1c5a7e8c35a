"""Secrets that programs act with, stored as hashes only."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from orgs.domain.names import NAME_LENGTH
from orgs.domain.roles import Scope
from orgs.domain.tokens import TokenKind
from orgs.models.devices import Device
from orgs.models.members import Member
from orgs.models.organizations import Organization

SOURCE_PREFIX_LENGTH = 256


class AccessToken(models.Model):
    """What a program may do, for which organization, until when.

    `organization` is empty only for a metering token of a runner that hosts many organizations.
    `member` is the person in whose right the token acts: its rights are its scopes within that
    person's role now; empty means that an operator made it and its scopes alone count.
    `source_prefix` binds a metering token to event sources that begin with it. `device` is the
    member's device that a desktop token was handed to: one token each that is not revoked.
    """

    kind = models.CharField(max_length=3, choices=[(kind.value, kind.value) for kind in TokenKind])
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="tokens",
        null=True,
        blank=True,
        db_index=False,
    )
    # a composite foreign key (in the migration) holds it, with the organization
    member = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        related_name="tokens",
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    # a composite foreign key (in the migration) holds it, with the organization and the member
    device = models.ForeignKey(
        Device,
        on_delete=models.PROTECT,
        related_name="tokens",
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    name = models.CharField(max_length=NAME_LENGTH, blank=True)
    secret_hash = models.BinaryField(unique=True)
    scopes = ArrayField(models.CharField(max_length=32))
    source_prefix = models.CharField(max_length=SOURCE_PREFIX_LENGTH, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "member"], name="tokens_of_organization")]
        constraints = [
            models.CheckConstraint(
                name="token_kind_is_known",
                condition=Q(kind__in=[kind.value for kind in TokenKind]),
            ),
            models.CheckConstraint(
                name="token_scopes_are_known",
                condition=Q(
                    scopes__len__gte=1, scopes__contained_by=[scope.value for scope in Scope]
                ),
            ),
            # metering and desktop tokens do their one thing, organization tokens neither of them
            models.CheckConstraint(
                name="token_scopes_fit_its_kind",
                condition=Q(kind="ofm", scopes=["metering:write"])
                | Q(kind="ofd", scopes=["desktop"])
                | (Q(kind="ofo") & ~Q(scopes__overlap=["metering:write", "desktop"])),
            ),
            models.CheckConstraint(
                name="token_without_organization_only_meters",
                condition=Q(organization__isnull=False) | Q(kind="ofm"),
            ),
            models.CheckConstraint(
                name="token_of_a_desktop_has_a_member",
                condition=~Q(kind="ofd") | Q(member__isnull=False),
            ),
            models.CheckConstraint(
                name="token_that_meters_has_no_member",
                condition=~Q(kind="ofm") | Q(member__isnull=True),
            ),
            models.CheckConstraint(
                name="token_of_a_device_is_a_desktops",
                condition=Q(device__isnull=True) | Q(kind="ofd"),
            ),
            models.UniqueConstraint(
                name="token_one_per_device",
                fields=["device"],
                condition=Q(device__isnull=False, revoked_at__isnull=True),
            ),
            models.CheckConstraint(
                name="token_source_only_when_metering",
                condition=Q(source_prefix="") | Q(kind="ofm"),
            ),
            models.CheckConstraint(
                name="token_expires_after_creation",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} token {self.pk} of organization {self.organization_id}"
