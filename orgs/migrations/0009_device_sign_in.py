"""Sign-ins of Docker Desktop under way, wrongly entered codes, and each organization's switch."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0008_devices"),
    ]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="is_device_sign_in_enabled",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.CreateModel(
            name="DeviceSignIn",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("client_id", models.CharField(max_length=64)),
                ("device_code_hash", models.BinaryField(unique=True)),
                ("user_code", models.CharField(max_length=8, unique=True)),
                ("device_id", models.CharField(max_length=128)),
                ("device_name", models.CharField(blank=True, max_length=128)),
                ("os", models.CharField(blank=True, max_length=64)),
                ("desktop_version", models.CharField(blank=True, max_length=32)),
                ("address", models.GenericIPAddressField(blank=True, null=True)),
                ("user_agent", models.CharField(blank=True, max_length=256)),
                ("started_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("interval_seconds", models.PositiveSmallIntegerField(default=5)),
                ("last_polled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("approved", "approved"),
                            ("denied", "denied"),
                            ("exchanged", "exchanged"),
                        ],
                        default="pending",
                        max_length=9,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "member",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orgs.member",
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orgs.organization",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["expires_at"], name="sign_ins_by_expiry"),
                    models.Index(fields=["address", "started_at"], name="sign_ins_of_address"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["pending", "approved", "denied", "exchanged"])
                        ),
                        name="sign_in_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("started_at"))),
                        name="sign_in_expires_after_its_start",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                models.Q(("state", "pending"), _negated=True),
                                ("member__isnull", False),
                                ("organization__isnull", False),
                            ),
                            models.Q(
                                ("member__isnull", True),
                                ("organization__isnull", True),
                                ("state__in", ["pending", "denied"]),
                            ),
                            _connector="OR",
                        ),
                        name="sign_in_approved_for_a_member",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("state", "pending")),
                            models.Q(
                                models.Q(("state", "pending"), _negated=True),
                                ("decided_at__isnull", False),
                                ("opened_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="sign_in_decided_by_who_opened_it",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WrongUserCode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("address", models.GenericIPAddressField(blank=True, null=True)),
                ("at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["user", "at"], name="wrong_codes_of_person"),
                    models.Index(fields=["address", "at"], name="wrong_codes_of_address"),
                    models.Index(fields=["at"], name="wrong_codes_by_age"),
                ],
            },
        ),
        migrations.RunSQL(
            sql="""
                ALTER TABLE orgs_devicesignin
                ADD CONSTRAINT sign_in_of_own_member
                FOREIGN KEY (organization_id, member_id)
                REFERENCES orgs_member (organization_id, id)
                DEFERRABLE INITIALLY DEFERRED
            """,
            reverse_sql="ALTER TABLE orgs_devicesignin DROP CONSTRAINT sign_in_of_own_member",
        ),
    ]
