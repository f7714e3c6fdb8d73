"""The limits in the admin: who is held now, what happened, and the numbers."""

from ratelimits.admin import events, numbers  # noqa: F401  registering is their import's effect
