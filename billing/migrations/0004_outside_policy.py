"""What policy forbade when a session started."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0003_frozen_money"),
        ("orgs", "0007_settings_history"),
    ]

    operations = [
        migrations.AddField(
            model_name="offloadsession",
            name="outside_policy",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "Nothing"),
                    ("offload_disabled", "Offload Disabled"),
                    ("gpu_disabled", "Gpu Disabled"),
                ],
                db_default="",
                default="",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="offloadsession",
            name="policy_revision",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="offloadsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outside_policy__in", ["", "offload_disabled", "gpu_disabled"])
                ),
                name="session_outside_policy_is_known",
            ),
        ),
    ]
