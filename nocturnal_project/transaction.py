"""The one import for transactions, real on every database that the project runs on."""

from django.db.transaction import atomic

__all__ = ["atomic"]
