"""Signing keys in the admin: to look at, for superusers. No page shows what they are made of."""

import math
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from accounts import keyring
from accounts.models import SigningKey
from accounts.ring import Key, State
from nocturnal_project import clock
from nocturnal_project.staff_lists import CreatedFilter, StaffAdmin

_COLOURS = {
    State.PUBLISHED.capitalize(): "info",
    State.SIGNING.capitalize(): "success",
    State.ACCEPTED.capitalize(): "info",
    State.RETIRED.capitalize(): "warning",
    State.REVOKED.capitalize(): "danger",
}


@admin.register(SigningKey)
class SigningKeyAdmin(StaffAdmin):
    """Keys that rotations made. The first ones are derived from JWT_SECRET and have no row."""

    list_display = ("kid", "algorithm", "shown_state", "created", "signs_from", "accepted_until")
    list_filter = (CreatedFilter,)
    fields = (
        "kid",
        "algorithm",
        "generation",
        "shown_state",
        "created_at",
        "signs_from",
        "accepted_until",
        "revokes_older",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[SigningKey]:
        """Read the ring first, so that a page never shows a key that this instance has not heard of."""
        keyring.refresh(clock.now())
        rows: QuerySet[SigningKey] = super().get_queryset(request)
        return rows

    @display(description="Created", ordering="id")
    def created(self, row: SigningKey) -> datetime:
        """Return when it was made; sorted by key, which is in that order."""
        return row.created_at

    @display(description="State", label=_COLOURS)
    def shown_state(self, row: SigningKey) -> str:
        """Return the state as this instance sees it."""
        key = _key_of(row)
        return keyring.ring().state_of(key, clock.now().timestamp()).capitalize() if key else "Of another JWT_SECRET"

    @display(description="Accepted until", empty_value="-")
    def accepted_until(self, row: SigningKey) -> datetime | None:
        """Return when its last token has expired, once it has a successor."""
        key = _key_of(row)
        if key is None or math.isinf(key.accepted_until):
            return None
        return datetime.fromtimestamp(key.accepted_until, UTC)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Only superusers."""
        return self._may_look(request)

    def has_view_permission(self, request: HttpRequest, obj: SigningKey | None = None) -> bool:
        """Only superusers, whatever permissions others were given."""
        return self._may_look(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Keys are made by manage.py rotate_signing_key."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: SigningKey | None = None) -> bool:
        """A key's facts are sealed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SigningKey | None = None) -> bool:
        """Rotating deletes what retired long ago."""
        return False

    @staticmethod
    def _may_look(request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.is_active and user.is_superuser)


def _key_of(row: SigningKey) -> Key | None:
    return next((key for key in keyring.ring().keys if key.kid == row.kid), None)
