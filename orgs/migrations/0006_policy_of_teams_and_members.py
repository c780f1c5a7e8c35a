"""Team policies, exceptions, choices, spending, and the history of effective settings."""

from datetime import timedelta

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0005_audit"),
    ]

    operations = [
        migrations.CreateModel(
            name="MemberChoices",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("offload_enabled", models.BooleanField(blank=True, null=True)),
                ("idle_timeout_seconds", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("gpu_enabled", models.BooleanField(blank=True, null=True)),
                ("changed_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="PolicyException",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "setting",
                    models.CharField(
                        choices=[
                            ("offload_enabled", "offload_enabled"),
                            ("idle_timeout_seconds", "idle_timeout_seconds"),
                            ("gpu_enabled", "gpu_enabled"),
                        ],
                        max_length=24,
                    ),
                ),
                ("rule", models.JSONField()),
                ("reason", models.TextField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                            ("granted", "Granted"),
                            ("expired", "Expired"),
                            ("revoked", "Revoked"),
                        ],
                        max_length=12,
                    ),
                ),
                ("requested_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decision_note", models.TextField(blank=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="SettingsHead",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="settings_head",
                        serialize=False,
                        to="orgs.organization",
                    ),
                ),
                ("revision", models.PositiveIntegerField(default=0)),
                ("generation", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="SettingsVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("revision", models.PositiveIntegerField()),
                ("since", models.DateTimeField()),
                ("settings", models.JSONField()),
                (
                    "spending",
                    models.CharField(
                        choices=[
                            ("ok", "ok"),
                            ("warning", "warning"),
                            ("blocked", "blocked"),
                            ("stopping", "stopping"),
                        ],
                        max_length=8,
                    ),
                ),
                ("digest", models.BinaryField()),
                ("is_offload_enabled", models.BooleanField()),
                ("is_gpu_enabled", models.BooleanField()),
                ("idle_timeout_seconds", models.PositiveSmallIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="SpendingStatus",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="spending_status",
                        serialize=False,
                        to="orgs.organization",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ok", "ok"),
                            ("warning", "warning"),
                            ("blocked", "blocked"),
                            ("stopping", "stopping"),
                        ],
                        max_length=8,
                    ),
                ),
                ("changed_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="policyrevision",
            name="policy_one_per_revision",
        ),
        migrations.RemoveConstraint(
            model_name="policyrevision",
            name="policy_scope_is_known",
        ),
        migrations.AddField(
            model_name="policyrevision",
            name="rolled_back_to",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="policyrevision",
            name="team",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="policy_revisions",
                to="orgs.team",
            ),
        ),
        migrations.AlterField(
            model_name="policyrevision",
            name="scope",
            field=models.CharField(
                choices=[("organization", "Organization"), ("team", "Team")], max_length=16
            ),
        ),
        migrations.AddIndex(
            model_name="policyrevision",
            index=models.Index(
                fields=["organization", "scope", "team", "-revision"], name="policy_of_scope"
            ),
        ),
        migrations.AddConstraint(
            model_name="policyrevision",
            constraint=models.UniqueConstraint(
                fields=("organization", "revision"), name="policy_one_per_revision"
            ),
        ),
        migrations.AddConstraint(
            model_name="policyrevision",
            constraint=models.CheckConstraint(
                condition=models.Q(("scope__in", ["organization", "team"])),
                name="policy_scope_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyrevision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("scope", "organization"), ("team__isnull", True)),
                    models.Q(("scope", "team"), ("team__isnull", False)),
                    _connector="OR",
                ),
                name="policy_team_only_of_a_team",
            ),
        ),
        migrations.AddField(
            model_name="memberchoices",
            name="member",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="orgs.member",
            ),
        ),
        migrations.AddField(
            model_name="memberchoices",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="orgs.organization",
            ),
        ),
        migrations.AddField(
            model_name="policyexception",
            name="decided_by",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="orgs.member",
            ),
        ),
        migrations.AddField(
            model_name="policyexception",
            name="member",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="exceptions",
                to="orgs.member",
            ),
        ),
        migrations.AddField(
            model_name="policyexception",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="orgs.organization",
            ),
        ),
        migrations.AddField(
            model_name="settingsversion",
            name="member",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="settings_versions",
                to="orgs.member",
            ),
        ),
        migrations.AddField(
            model_name="settingsversion",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="orgs.organization",
            ),
        ),
        migrations.AddConstraint(
            model_name="spendingstatus",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["ok", "warning", "blocked", "stopping"])),
                name="spending_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="memberchoices",
            constraint=models.UniqueConstraint(
                fields=("organization", "member"), name="choices_one_each"
            ),
        ),
        migrations.AddConstraint(
            model_name="memberchoices",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("idle_timeout_seconds__isnull", True),
                    models.Q(
                        ("idle_timeout_seconds__gte", 10), ("idle_timeout_seconds__lte", 3600)
                    ),
                    _connector="OR",
                ),
                name="choices_within_product_bounds",
            ),
        ),
        migrations.AddIndex(
            model_name="policyexception",
            index=models.Index(
                condition=models.Q(("state", "granted")),
                fields=["expires_at"],
                name="exception_next_to_end",
            ),
        ),
        migrations.AddIndex(
            model_name="policyexception",
            index=models.Index(
                fields=["organization", "-requested_at", "-id"], name="exception_newest_first"
            ),
        ),
        migrations.AddConstraint(
            model_name="policyexception",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="exception_has_a_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="policyexception",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("setting__in", ["offload_enabled", "idle_timeout_seconds", "gpu_enabled"])
                ),
                name="exception_setting_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyexception",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("decided_at__isnull", True), ("state__in", ["requested", "withdrawn"])
                    ),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("state__in", ["refused", "granted", "expired", "revoked"]),
                    ),
                    _connector="OR",
                ),
                name="exception_decided_once_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyexception",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("state__in", ["requested", "granted"])),
                    models.Q(
                        ("ended_at__isnull", False),
                        ("state__in", ["refused", "withdrawn", "expired", "revoked"]),
                    ),
                    _connector="OR",
                ),
                name="exception_ended_when_over",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyexception",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_at__isnull", True),
                    ("state", "refused"),
                    models.Q(
                        ("expires_at__gt", models.F("decided_at")),
                        (
                            "expires_at__lte",
                            django.db.models.expressions.CombinedExpression(
                                models.F("decided_at"), "+", models.Value(timedelta(days=90))
                            ),
                        ),
                    ),
                    _connector="OR",
                ),
                name="exception_lasts_90_days_at_most",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyexception",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "granted")),
                fields=("organization", "member", "setting"),
                name="exception_one_in_force",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyexception",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "requested")),
                fields=("organization", "member", "setting"),
                name="exception_one_request",
            ),
        ),
        migrations.AddIndex(
            model_name="settingsversion",
            index=models.Index(
                fields=["organization", "member", "-id"], name="settings_latest_first"
            ),
        ),
        migrations.AddConstraint(
            model_name="settingsversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("idle_timeout_seconds__gte", 10), ("idle_timeout_seconds__lte", 3600)
                ),
                name="settings_within_product_bounds",
            ),
        ),
    ]
