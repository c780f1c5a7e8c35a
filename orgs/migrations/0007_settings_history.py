"""What the database refuses of them: other organizations' rows, a changed history."""

from django.db import migrations

OWN = [
    ("orgs_policyrevision", "policy_of_own_team", "team_id", "orgs_team"),
    ("orgs_policyexception", "exception_of_own_member", "member_id", "orgs_member"),
    ("orgs_policyexception", "exception_by_own_member", "decided_by_id", "orgs_member"),
    ("orgs_memberchoices", "choices_of_own_member", "member_id", "orgs_member"),
    ("orgs_settingsversion", "settings_of_own_member", "member_id", "orgs_member"),
]


def own(table: str, name: str, column: str, target: str) -> migrations.RunSQL:
    """Return a foreign key that includes the organization."""
    return migrations.RunSQL(
        sql=f"""
            ALTER TABLE {table} ADD CONSTRAINT {name}
            FOREIGN KEY (organization_id, {column}) REFERENCES {target} (organization_id, id)
            DEFERRABLE INITIALLY DEFERRED
        """,
        reverse_sql=f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0006_policy_of_teams_and_members"),
    ]

    operations = [
        *[own(*of) for of in OWN],
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER orgs_settingsversion_refuses_change
                BEFORE UPDATE OR DELETE ON orgs_settingsversion
                FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """,
            reverse_sql="DROP TRIGGER orgs_settingsversion_refuses_change ON orgs_settingsversion",
        ),
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER orgs_settingsversion_refuses_truncate
                BEFORE TRUNCATE ON orgs_settingsversion
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """,
            reverse_sql=(
                "DROP TRIGGER orgs_settingsversion_refuses_truncate ON orgs_settingsversion"
            ),
        ),
        # organizations that are there already; their members' settings follow when first asked for
        migrations.RunSQL(
            sql="""
                INSERT INTO orgs_settingshead (organization_id, revision, generation)
                SELECT organization.id, coalesce(max(policy.revision), 0), 0
                  FROM orgs_organization organization
                  LEFT JOIN orgs_policyrevision policy ON policy.organization_id = organization.id
                 GROUP BY organization.id
                ON CONFLICT DO NOTHING
            """,
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
