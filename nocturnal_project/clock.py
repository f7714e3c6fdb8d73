"""The time, as every database that the project runs on can keep it."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """Return the time in UTC to the millisecond: MongoDB keeps no more, and an answer must equal what is read back."""
    moment = timezone.now()
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
