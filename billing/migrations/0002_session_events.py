"""The event table: partitioned by month, append-only, without a default partition (ADR-0007)."""

from django.db import migrations, models

CREATE = """
    CREATE TABLE billing_sessionevent (
        organization_id bigint NOT NULL,
        member_id bigint NOT NULL,
        occurred_at timestamptz NOT NULL,
        event_key uuid NOT NULL,
        kind varchar(8) NOT NULL
            CONSTRAINT event_kind_is_known CHECK (kind IN ('active', 'idle', 'ended')),
        machine_id smallint NOT NULL,
        idle_timeout_seconds smallint NOT NULL
            CONSTRAINT event_idle_timeout_in_bounds
            CHECK (idle_timeout_seconds BETWEEN 10 AND 3600),
        received_at timestamptz NOT NULL,
        source varchar(256) NOT NULL,
        event_id varchar(256) NOT NULL,
        PRIMARY KEY (organization_id, member_id, occurred_at, event_key)
    ) PARTITION BY RANGE (occurred_at);

    -- cloned to every partition
    CREATE TRIGGER billing_sessionevent_refuses_change
        BEFORE UPDATE OR DELETE ON billing_sessionevent
        FOR EACH ROW EXECUTE FUNCTION refuse_change();
    -- not cloned: whoever makes a partition gives it one of its own
    CREATE TRIGGER billing_sessionevent_refuses_truncate
        BEFORE TRUNCATE ON billing_sessionevent
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

    -- what a close asks: which streams have events received after its cutoff. Rows arrive in
    -- this order, so a few bytes for every 32 pages are index enough.
    CREATE INDEX event_received ON billing_sessionevent
        USING brin (received_at) WITH (pages_per_range = 32);
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_usage_and_invoices")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(sql=CREATE, reverse_sql="DROP TABLE billing_sessionevent"),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="SessionEvent",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "organization_id",
                                "member_id",
                                "occurred_at",
                                "event_key",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("organization_id", models.BigIntegerField()),
                        ("member_id", models.BigIntegerField()),
                        ("occurred_at", models.DateTimeField()),
                        ("event_key", models.UUIDField()),
                        ("kind", models.CharField(max_length=8)),
                        ("machine_id", models.SmallIntegerField()),
                        ("idle_timeout_seconds", models.SmallIntegerField()),
                        ("received_at", models.DateTimeField()),
                        ("source", models.CharField(max_length=256)),
                        ("event_id", models.CharField(max_length=256)),
                    ],
                ),
            ],
        ),
    ]
