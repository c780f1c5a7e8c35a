"""The audit log: a hash chain per organization, with personal values beside it.

An event is never changed and never deleted. Its personal values are never changed, but may be
deleted: that is how a person is erased from the log.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0004_tokens"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="audit_head",
                        serialize=False,
                        to="orgs.organization",
                    ),
                ),
                ("sequence", models.PositiveBigIntegerField(default=0)),
                ("hash", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sequence", models.PositiveBigIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "actor_kind",
                    models.CharField(
                        choices=[
                            ("user", "user"),
                            ("token", "token"),
                            ("system", "system"),
                            ("operator", "operator"),
                        ],
                        max_length=8,
                    ),
                ),
                ("actor_member_id", models.BigIntegerField(blank=True, null=True)),
                ("actor_token_id", models.BigIntegerField(blank=True, null=True)),
                ("actor_label", models.CharField(blank=True, max_length=200)),
                ("action", models.CharField(max_length=64)),
                ("target_kind", models.CharField(max_length=32)),
                ("target_id", models.CharField(max_length=64)),
                ("diff", models.JSONField()),
                ("personal_digests", models.JSONField()),
                ("reason", models.TextField(blank=True)),
                ("previous_hash", models.BinaryField()),
                ("hash", models.BinaryField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_events",
                        to="orgs.organization",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AuditPersonalValue",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("salt", models.BinaryField()),
                ("value", models.TextField()),
                (
                    "event",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="personal_values",
                        to="orgs.auditevent",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="auditevent",
            constraint=models.UniqueConstraint(
                fields=("organization", "sequence"), name="audit_one_per_sequence"
            ),
        ),
        migrations.AddConstraint(
            model_name="auditevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("sequence__gte", 1)), name="audit_sequence_counts_from_1"
            ),
        ),
        migrations.AddConstraint(
            model_name="auditevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("actor_kind__in", ["user", "token", "system", "operator"])),
                name="audit_actor_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="auditpersonalvalue",
            constraint=models.UniqueConstraint(
                fields=("event", "name"), name="audit_personal_value_once"
            ),
        ),
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER orgs_auditevent_refuses_change
                BEFORE UPDATE OR DELETE ON orgs_auditevent
                FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """,
            reverse_sql="DROP TRIGGER orgs_auditevent_refuses_change ON orgs_auditevent",
        ),
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER orgs_auditevent_refuses_truncate
                BEFORE TRUNCATE ON orgs_auditevent
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """,
            reverse_sql="DROP TRIGGER orgs_auditevent_refuses_truncate ON orgs_auditevent",
        ),
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER orgs_auditpersonalvalue_refuses_change
                BEFORE UPDATE ON orgs_auditpersonalvalue
                FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """,
            reverse_sql=(
                "DROP TRIGGER orgs_auditpersonalvalue_refuses_change ON orgs_auditpersonalvalue"
            ),
        ),
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER orgs_auditpersonalvalue_refuses_truncate
                BEFORE TRUNCATE ON orgs_auditpersonalvalue
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """,
            reverse_sql=(
                "DROP TRIGGER orgs_auditpersonalvalue_refuses_truncate ON orgs_auditpersonalvalue"
            ),
        ),
    ]
