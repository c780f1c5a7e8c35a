"""Teams, memberships, and the history of which team carries a member's cost.

A composite foreign key names the organization with the row it points to, so that no row can join
a member of one organization to a team of another.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0001_people"),
    ]

    operations = [
        migrations.CreateModel(
            name="Team",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("slug", models.CharField(max_length=63)),
                ("name", models.CharField(max_length=200)),
                ("priority", models.PositiveIntegerField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="teams",
                        to="orgs.organization",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TeamAssignment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("since", models.DateTimeField()),
                (
                    "member",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="team_assignments",
                        to="orgs.member",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orgs.organization",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="orgs.team",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TeamMembership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("is_lead", models.BooleanField(default=False)),
                (
                    "member",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="team_memberships",
                        to="orgs.member",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="orgs.organization",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="orgs.team",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="team",
            constraint=models.UniqueConstraint(
                fields=("organization", "slug"), name="team_one_per_slug"
            ),
        ),
        migrations.AddConstraint(
            model_name="team",
            constraint=models.UniqueConstraint(
                deferrable=models.Deferrable.DEFERRED,
                fields=("organization", "priority"),
                name="team_one_per_priority",
            ),
        ),
        migrations.AddConstraint(
            model_name="team",
            constraint=models.UniqueConstraint(
                fields=("organization", "id"), name="team_known_with_organization"
            ),
        ),
        migrations.AddConstraint(
            model_name="team",
            constraint=models.CheckConstraint(
                condition=models.Q(("slug__regex", "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")),
                name="team_slug_is_valid",
            ),
        ),
        migrations.AddConstraint(
            model_name="team",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="team_has_a_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="teamassignment",
            constraint=models.UniqueConstraint(
                fields=("organization", "member", "since"), name="team_assignment_one_at_a_time"
            ),
        ),
        migrations.AddIndex(
            model_name="teammembership",
            index=models.Index(fields=["organization", "team"], name="team_members"),
        ),
        migrations.AddConstraint(
            model_name="teammembership",
            constraint=models.UniqueConstraint(
                fields=("organization", "member", "team"), name="team_membership_once"
            ),
        ),
        migrations.RunSQL(
            sql="""
                ALTER TABLE orgs_teammembership
                ADD CONSTRAINT team_membership_of_own_team
                FOREIGN KEY (organization_id, team_id)
                REFERENCES orgs_team (organization_id, id)
                DEFERRABLE INITIALLY DEFERRED
            """,
            reverse_sql=(
                "ALTER TABLE orgs_teammembership DROP CONSTRAINT team_membership_of_own_team"
            ),
        ),
        migrations.RunSQL(
            sql="""
                ALTER TABLE orgs_teammembership
                ADD CONSTRAINT team_membership_of_own_member
                FOREIGN KEY (organization_id, member_id)
                REFERENCES orgs_member (organization_id, id)
                DEFERRABLE INITIALLY DEFERRED
            """,
            reverse_sql=(
                "ALTER TABLE orgs_teammembership DROP CONSTRAINT team_membership_of_own_member"
            ),
        ),
        migrations.RunSQL(
            sql="""
                ALTER TABLE orgs_teamassignment
                ADD CONSTRAINT team_assignment_to_own_team
                FOREIGN KEY (organization_id, team_id)
                REFERENCES orgs_team (organization_id, id)
                DEFERRABLE INITIALLY DEFERRED
            """,
            reverse_sql=(
                "ALTER TABLE orgs_teamassignment DROP CONSTRAINT team_assignment_to_own_team"
            ),
        ),
        migrations.RunSQL(
            sql="""
                ALTER TABLE orgs_teamassignment
                ADD CONSTRAINT team_assignment_of_own_member
                FOREIGN KEY (organization_id, member_id)
                REFERENCES orgs_member (organization_id, id)
                DEFERRABLE INITIALLY DEFERRED
            """,
            reverse_sql=(
                "ALTER TABLE orgs_teamassignment DROP CONSTRAINT team_assignment_of_own_member"
            ),
        ),
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER orgs_teamassignment_refuses_change
                BEFORE UPDATE OR DELETE ON orgs_teamassignment
                FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """,
            reverse_sql="DROP TRIGGER orgs_teamassignment_refuses_change ON orgs_teamassignment",
        ),
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER orgs_teamassignment_refuses_truncate
                BEFORE TRUNCATE ON orgs_teamassignment
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """,
            reverse_sql="DROP TRIGGER orgs_teamassignment_refuses_truncate ON orgs_teamassignment",
        ),
    ]
