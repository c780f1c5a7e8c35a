"""The audit log's checkpoints, and the one way in which old events leave it.

An event can be deleted only together with all before it, up to one whose checkpoint was signed
400 days ago or earlier, in a transaction that names the organization first. A checkpoint is taken
only at the database's own time and for an event that is there, so that none can be made up for
the past. Actors get the kinds `scim` and `support`; support gives a reason.
"""

import django.db.models.deletion
from django.db import migrations, models

KINDS = ["user", "token", "scim", "system", "operator", "support"]


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0009_device_sign_in"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="auditevent", name="audit_actor_kind_is_known"),
        migrations.AlterField(
            model_name="auditevent",
            name="actor_kind",
            field=models.CharField(choices=[(kind, kind) for kind in KINDS], max_length=8),
        ),
        migrations.AddConstraint(
            model_name="auditevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("actor_kind__in", KINDS)), name="audit_actor_kind_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="auditevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("actor_kind", "support"), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="audit_support_gives_a_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["organization", "at"], name="audit_events_by_time"),
        ),
        migrations.CreateModel(
            name="AuditCheckpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sequence", models.PositiveBigIntegerField()),
                ("hash", models.BinaryField()),
                ("signed_at", models.DateTimeField()),
                ("public_key", models.BinaryField()),
                ("signature", models.BinaryField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_checkpoints",
                        to="orgs.organization",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="auditcheckpoint",
            constraint=models.UniqueConstraint(
                fields=("organization", "sequence"), name="audit_one_checkpoint_per_event"
            ),
        ),
        migrations.CreateModel(
            name="AuditVerification",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="audit_verification",
                        serialize=False,
                        to="orgs.organization",
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("verified_at", models.DateTimeField(blank=True, null=True)),
                ("sequence", models.PositiveBigIntegerField(default=0)),
                ("fault_sequence", models.PositiveBigIntegerField(blank=True, null=True)),
                ("problem", models.CharField(blank=True, max_length=200)),
            ],
        ),
        migrations.RunSQL(
            sql="""
                CREATE FUNCTION refuse_untrue_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF NEW.signed_at NOT BETWEEN clock_timestamp() - interval '1 hour'
                                             AND clock_timestamp() + interval '1 minute'
                    THEN
                        RAISE EXCEPTION 'a checkpoint is signed now, not at %', NEW.signed_at
                            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME;
                    END IF;
                    IF NOT EXISTS (
                        SELECT FROM orgs_auditevent event
                         WHERE event.organization_id = NEW.organization_id
                           AND event.sequence = NEW.sequence
                           AND event.hash = NEW.hash
                    ) THEN
                        RAISE EXCEPTION 'a checkpoint names an event and its hash'
                            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NEW;
                END
                $$
            """,
            reverse_sql="DROP FUNCTION refuse_untrue_checkpoint()",
        ),
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER orgs_auditcheckpoint_refuses_untruth
                BEFORE INSERT ON orgs_auditcheckpoint
                FOR EACH ROW EXECUTE FUNCTION refuse_untrue_checkpoint()
            """,
            reverse_sql=(
                "DROP TRIGGER orgs_auditcheckpoint_refuses_untruth ON orgs_auditcheckpoint"
            ),
        ),
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER orgs_auditcheckpoint_refuses_change
                BEFORE UPDATE OR DELETE ON orgs_auditcheckpoint
                FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """,
            reverse_sql=(
                "DROP TRIGGER orgs_auditcheckpoint_refuses_change ON orgs_auditcheckpoint"
            ),
        ),
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER orgs_auditcheckpoint_refuses_truncate
                BEFORE TRUNCATE ON orgs_auditcheckpoint
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """,
            reverse_sql=(
                "DROP TRIGGER orgs_auditcheckpoint_refuses_truncate ON orgs_auditcheckpoint"
            ),
        ),
        # before anything is deleted, row by row: the transaction has named the organization
        migrations.RunSQL(
            sql="""
                CREATE FUNCTION refuse_audit_delete() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF OLD.organization_id::text IS DISTINCT FROM
                       current_setting('offload.trimmed_organization', true)
                    THEN
                        RAISE EXCEPTION '% on % is refused: what it holds is append-only',
                            TG_OP, TG_TABLE_NAME
                            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN OLD;
                END
                $$
            """,
            reverse_sql="DROP FUNCTION refuse_audit_delete()",
        ),
        # and of what is gone afterwards: it ends at an old checkpoint and leaves no hole
        migrations.RunSQL(
            sql="""
                CREATE FUNCTION refuse_audit_cut() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF EXISTS (
                        SELECT FROM (
                            SELECT organization_id, max(sequence) AS last
                              FROM gone GROUP BY organization_id
                        ) cut
                        WHERE NOT EXISTS (
                              SELECT FROM orgs_auditcheckpoint checkpoint
                               WHERE checkpoint.organization_id = cut.organization_id
                                 AND checkpoint.sequence = cut.last
                                 AND checkpoint.signed_at
                                     <= clock_timestamp() - interval '400 days')
                           OR EXISTS (
                              SELECT FROM orgs_auditevent event
                               WHERE event.organization_id = cut.organization_id
                                 AND event.sequence <= cut.last)
                    ) THEN
                        RAISE EXCEPTION
                            'the audit log is cut at a checkpoint that is 400 days old'
                            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME;
                    END IF;
                    RETURN NULL;
                END
                $$
            """,
            reverse_sql="DROP FUNCTION refuse_audit_cut()",
        ),
        migrations.RunSQL(
            sql=[
                "DROP TRIGGER orgs_auditevent_refuses_change ON orgs_auditevent",
                """
                CREATE TRIGGER orgs_auditevent_refuses_change
                BEFORE UPDATE ON orgs_auditevent
                FOR EACH ROW EXECUTE FUNCTION refuse_change()
                """,
                """
                CREATE TRIGGER orgs_auditevent_refuses_delete
                BEFORE DELETE ON orgs_auditevent
                FOR EACH ROW EXECUTE FUNCTION refuse_audit_delete()
                """,
                """
                CREATE TRIGGER orgs_auditevent_refuses_cut
                AFTER DELETE ON orgs_auditevent REFERENCING OLD TABLE AS gone
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_cut()
                """,
            ],
            reverse_sql=[
                "DROP TRIGGER orgs_auditevent_refuses_cut ON orgs_auditevent",
                "DROP TRIGGER orgs_auditevent_refuses_delete ON orgs_auditevent",
                "DROP TRIGGER orgs_auditevent_refuses_change ON orgs_auditevent",
                """
                CREATE TRIGGER orgs_auditevent_refuses_change
                BEFORE UPDATE OR DELETE ON orgs_auditevent
                FOR EACH ROW EXECUTE FUNCTION refuse_change()
                """,
            ],
        ),
    ]
