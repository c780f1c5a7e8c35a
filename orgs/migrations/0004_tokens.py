"""Access tokens, stored as hashes."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0003_products_and_policy"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccessToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("ofd", "ofd"), ("ofo", "ofo"), ("ofm", "ofm")], max_length=3
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=200)),
                ("secret_hash", models.BinaryField(unique=True)),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), size=None
                    ),
                ),
                ("source_prefix", models.CharField(blank=True, max_length=256)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "member",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tokens",
                        to="orgs.member",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tokens",
                        to="orgs.organization",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization", "member"], name="tokens_of_organization")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["ofd", "ofo", "ofm"])),
                        name="token_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "scopes__contained_by",
                                [
                                    "desktop",
                                    "metering:write",
                                    "policy:read",
                                    "policy:write",
                                    "members:read",
                                    "members:write",
                                    "usage:read",
                                    "billing:read",
                                    "billing:write",
                                    "audit:read",
                                ],
                            ),
                            ("scopes__len__gte", 1),
                        ),
                        name="token_scopes_are_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "ofm"), ("scopes", ["metering:write"])),
                            models.Q(("kind", "ofd"), ("scopes", ["desktop"])),
                            models.Q(
                                ("kind", "ofo"),
                                models.Q(
                                    ("scopes__overlap", ["metering:write", "desktop"]),
                                    _negated=True,
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="token_scopes_fit_its_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("organization__isnull", False), ("kind", "ofm"), _connector="OR"
                        ),
                        name="token_without_organization_only_meters",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "ofd"), _negated=True),
                            ("member__isnull", False),
                            _connector="OR",
                        ),
                        name="token_of_a_desktop_has_a_member",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "ofm"), _negated=True),
                            ("member__isnull", True),
                            _connector="OR",
                        ),
                        name="token_that_meters_has_no_member",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("source_prefix", ""), ("kind", "ofm"), _connector="OR"
                        ),
                        name="token_source_only_when_metering",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__isnull", True),
                            ("expires_at__gt", models.F("created_at")),
                            _connector="OR",
                        ),
                        name="token_expires_after_creation",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            sql="""
                ALTER TABLE orgs_accesstoken
                ADD CONSTRAINT token_of_own_member
                FOREIGN KEY (organization_id, member_id)
                REFERENCES orgs_member (organization_id, id)
                DEFERRABLE INITIALLY DEFERRED
            """,
            reverse_sql="ALTER TABLE orgs_accesstoken DROP CONSTRAINT token_of_own_member",
        ),
    ]
