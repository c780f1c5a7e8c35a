"""What may never change: prices, closed periods, finalized invoices and what they billed."""

from django.db import migrations

APPEND_ONLY = ("billing_ratecard", "billing_price", "billing_invoiceline", "billing_billedusage")

FREEZE = """
    CREATE FUNCTION refuse_change_of_closed_period() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' OR OLD.state = 'closed'
           OR (NEW.organization_id, NEW.starts_at, NEW.ends_at, NEW.zone, NEW.label)
              IS DISTINCT FROM
              (OLD.organization_id, OLD.starts_at, OLD.ends_at, OLD.zone, OLD.label)
        THEN
            RAISE EXCEPTION '% of billing period % is refused: its bounds never change, and '
                'nothing of it once it is closed', TG_OP, OLD.id
                USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME;
        END IF;
        RETURN NEW;
    END
    $$;
    CREATE TRIGGER billing_billingperiod_refuses_change
        BEFORE UPDATE OR DELETE ON billing_billingperiod
        FOR EACH ROW EXECUTE FUNCTION refuse_change_of_closed_period();

    CREATE FUNCTION refuse_change_of_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- the one change: a finalized invoice is voided, and says nothing else anew
        IF TG_OP = 'UPDATE' AND OLD.status = 'finalized' AND NEW.status = 'voided' THEN
            NEW.status := OLD.status;
            IF NEW IS NOT DISTINCT FROM OLD THEN
                NEW.status := 'voided';
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION '% of invoice % is refused: it is finalized', TG_OP, OLD.number
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME;
    END
    $$;
    CREATE TRIGGER billing_invoice_refuses_change
        BEFORE UPDATE OR DELETE ON billing_invoice
        FOR EACH ROW EXECUTE FUNCTION refuse_change_of_invoice();

    ALTER TABLE billing_offloadsession
        ADD CONSTRAINT session_member_of_organization
            FOREIGN KEY (organization_id, member_id) REFERENCES orgs_member (organization_id, id)
            DEFERRABLE INITIALLY DEFERRED,
        ADD CONSTRAINT session_team_of_organization
            FOREIGN KEY (organization_id, team_id) REFERENCES orgs_team (organization_id, id)
            DEFERRABLE INITIALLY DEFERRED;
    ALTER TABLE billing_stream
        ADD CONSTRAINT stream_member_of_organization
            FOREIGN KEY (organization_id, member_id) REFERENCES orgs_member (organization_id, id)
            DEFERRABLE INITIALLY DEFERRED;
"""

THAW = """
    ALTER TABLE billing_stream DROP CONSTRAINT stream_member_of_organization;
    ALTER TABLE billing_offloadsession DROP CONSTRAINT session_member_of_organization,
        DROP CONSTRAINT session_team_of_organization;
    DROP TRIGGER billing_invoice_refuses_change ON billing_invoice;
    DROP FUNCTION refuse_change_of_invoice();
    DROP TRIGGER billing_billingperiod_refuses_change ON billing_billingperiod;
    DROP FUNCTION refuse_change_of_closed_period();
"""


def _append_only(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        sql=f"""
            CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table}
                FOR EACH ROW EXECUTE FUNCTION refuse_change();
            CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table}
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """,
        reverse_sql=f"""
            DROP TRIGGER {table}_refuses_truncate ON {table};
            DROP TRIGGER {table}_refuses_change ON {table}
        """,
    )


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_session_events"), ("orgs", "0005_audit")]

    operations = [
        migrations.RunSQL(sql=FREEZE, reverse_sql=THAW),
        *(_append_only(table) for table in APPEND_ONLY),
    ]
