"""Machine types that environments run on."""

from django.db import models


class Machine(models.Model):
    """A machine type, for all organizations; its price stands in each rate card."""

    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(max_length=64, unique=True)
    vcpus = models.PositiveSmallIntegerField()
    memory_gib = models.PositiveIntegerField()
    gpu = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="machine_name_is_a_slug",
                condition=models.Q(name__regex=r"^[a-z0-9][a-z0-9._-]*$"),
            ),
        ]

    def __str__(self) -> str:
        return self.name
