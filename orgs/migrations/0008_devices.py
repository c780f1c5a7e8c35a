"""Devices of members, and the token that each was handed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0007_settings_history"),
    ]

    operations = [
        migrations.CreateModel(
            name="Device",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("device_id", models.CharField(max_length=128)),
                ("name", models.CharField(blank=True, max_length=128)),
                ("os", models.CharField(blank=True, max_length=64)),
                ("desktop_version", models.CharField(blank=True, max_length=32)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField(blank=True, null=True)),
                ("applied_revision", models.PositiveIntegerField(blank=True, null=True)),
                ("applied_at", models.DateTimeField(blank=True, null=True)),
                ("drift", models.JSONField(blank=True, default=list)),
                ("removed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "member",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="devices",
                        to="orgs.member",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="devices",
                        to="orgs.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "member", "device_id"),
                        name="device_one_per_member",
                    ),
                    models.UniqueConstraint(
                        fields=("organization", "member", "id"), name="device_known_with_member"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("device_id", ""), _negated=True),
                        name="device_has_an_id",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("applied_at__isnull", True), ("applied_revision__isnull", True)
                            ),
                            models.Q(
                                ("applied_at__isnull", False), ("applied_revision__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="device_applied_a_revision_at_an_instant",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            sql="""
                ALTER TABLE orgs_device
                ADD CONSTRAINT device_of_own_member
                FOREIGN KEY (organization_id, member_id)
                REFERENCES orgs_member (organization_id, id)
                DEFERRABLE INITIALLY DEFERRED
            """,
            reverse_sql="ALTER TABLE orgs_device DROP CONSTRAINT device_of_own_member",
        ),
        migrations.AddField(
            model_name="accesstoken",
            name="device",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tokens",
                to="orgs.device",
            ),
        ),
        migrations.AddConstraint(
            model_name="accesstoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("device__isnull", True), ("kind", "ofd"), _connector="OR"),
                name="token_of_a_device_is_a_desktops",
            ),
        ),
        migrations.AddConstraint(
            model_name="accesstoken",
            constraint=models.UniqueConstraint(
                condition=models.Q(("device__isnull", False), ("revoked_at__isnull", True)),
                fields=("device",),
                name="token_one_per_device",
            ),
        ),
        migrations.RunSQL(
            sql="""
                ALTER TABLE orgs_accesstoken
                ADD CONSTRAINT token_of_its_members_device
                FOREIGN KEY (organization_id, member_id, device_id)
                REFERENCES orgs_device (organization_id, member_id, id)
                DEFERRABLE INITIALLY DEFERRED
            """,
            reverse_sql="ALTER TABLE orgs_accesstoken DROP CONSTRAINT token_of_its_members_device",
        ),
    ]
