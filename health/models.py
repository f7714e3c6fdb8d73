"""Nothing is stored: a name for the permission to see the cluster page, where permissions hang on models."""

from django.db import models


class Cluster(models.Model):
    """The instances, as staff may be permitted to see them; there is no table."""

    id = models.CharField(primary_key=True, max_length=1)

    class Meta:
        managed = False
        default_permissions = ("view",)
        verbose_name_plural = "cluster"

    def __str__(self) -> str:
        return "cluster"
