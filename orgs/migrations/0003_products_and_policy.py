"""Subscriptions, entitlements, and policy as a history of revisions."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0002_teams"),
    ]

    operations = [
        migrations.CreateModel(
            name="Subscription",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="subscription",
                        serialize=False,
                        to="orgs.organization",
                    ),
                ),
                (
                    "plan",
                    models.CharField(
                        choices=[
                            ("personal", "personal"),
                            ("pro", "pro"),
                            ("team", "team"),
                            ("business", "business"),
                        ],
                        max_length=16,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("plan__in", ["personal", "pro", "team", "business"])),
                        name="subscription_plan_is_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Entitlement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "product",
                    models.CharField(
                        choices=[
                            ("desktop", "desktop"),
                            ("hub", "hub"),
                            ("build_cloud", "build_cloud"),
                            ("scout", "scout"),
                            ("testcontainers_cloud", "testcontainers_cloud"),
                            ("offload", "offload"),
                        ],
                        max_length=24,
                    ),
                ),
                ("is_entitled", models.BooleanField()),
                ("is_enabled", models.BooleanField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entitlements",
                        to="orgs.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "product"), name="entitlement_one_per_product"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "product__in",
                                [
                                    "desktop",
                                    "hub",
                                    "build_cloud",
                                    "scout",
                                    "testcontainers_cloud",
                                    "offload",
                                ],
                            )
                        ),
                        name="entitlement_product_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("is_enabled", False), ("is_entitled", True), _connector="OR"
                        ),
                        name="entitlement_enabled_only_if_entitled",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PolicyRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(choices=[("organization", "Organization")], max_length=16),
                ),
                ("revision", models.PositiveIntegerField()),
                ("document", models.JSONField()),
                ("reason", models.TextField(blank=True)),
                ("created_at", models.DateTimeField()),
                (
                    "author",
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
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="policy_revisions",
                        to="orgs.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "scope", "revision"),
                        name="policy_one_per_revision",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("scope__in", ["organization"])),
                        name="policy_scope_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("revision__gte", 1)),
                        name="policy_revision_counts_from_1",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            sql="""
                ALTER TABLE orgs_policyrevision
                ADD CONSTRAINT policy_by_own_member
                FOREIGN KEY (organization_id, author_id)
                REFERENCES orgs_member (organization_id, id)
                DEFERRABLE INITIALLY DEFERRED
            """,
            reverse_sql="ALTER TABLE orgs_policyrevision DROP CONSTRAINT policy_by_own_member",
        ),
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER orgs_policyrevision_refuses_change
                BEFORE UPDATE OR DELETE ON orgs_policyrevision
                FOR EACH ROW EXECUTE FUNCTION refuse_change()
            """,
            reverse_sql="DROP TRIGGER orgs_policyrevision_refuses_change ON orgs_policyrevision",
        ),
        migrations.RunSQL(
            sql="""
                CREATE TRIGGER orgs_policyrevision_refuses_truncate
                BEFORE TRUNCATE ON orgs_policyrevision
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
            """,
            reverse_sql="DROP TRIGGER orgs_policyrevision_refuses_truncate ON orgs_policyrevision",
        ),
    ]
