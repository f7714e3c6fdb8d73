"""The form of one user's quota: everybody's, none, or so much."""

from typing import Any

from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget

from uploads.models import StorageUsage

EVERYBODYS, NO_LIMIT, OWN = "everybodys", "no_limit", "own"
_UNITS = {"MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
_LARGEST_BYTES = 2**62


class QuotaForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """Asks in units that people think in; ``quota_bytes`` is the answer."""

    limit = forms.ChoiceField(label="Quota", widget=UnfoldAdminRadioSelectWidget())
    amount = forms.DecimalField(
        label="How much", required=False, min_value=0, max_digits=12, decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"inputmode": "decimal"}),
        help_text="For a quota of their own. With less than is in use nothing is deleted, and nothing more fits.",
    )  # fmt: skip
    unit = forms.ChoiceField(
        label="In", choices=[(unit, unit) for unit in _UNITS], initial="GiB", widget=UnfoldAdminSelectWidget()
    )

    class Meta:
        model = StorageUsage
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin with what is in force."""
        super().__init__(*args, **kwargs)
        everybodys = settings.UPLOAD_QUOTA_BYTES
        told = filesizeformat(everybodys) if everybodys else "no limit"
        choices = [(EVERYBODYS, f"Everybody's ({told})"), (NO_LIMIT, "No limit"), (OWN, "Their own, as below")]
        self.fields["limit"].choices = choices  # type: ignore[attr-defined]  # it is a ChoiceField
        quota = self.instance.quota_bytes
        self.initial["limit"] = EVERYBODYS if quota is None else OWN if quota else NO_LIMIT
        if quota:
            unit = next((unit for unit, size in reversed(_UNITS.items()) if quota % size == 0), "MiB")
            self.initial.update(amount=round(quota / _UNITS[unit], 2), unit=unit)

    def clean(self) -> dict[str, Any]:
        """Work out the bytes."""
        said: dict[str, Any] = super().clean() or {}
        if said.get("limit") == OWN and not self.errors:
            said["quota_bytes"] = int((said.get("amount") or 0) * _UNITS[said["unit"]])
            if not 0 < said["quota_bytes"] <= _LARGEST_BYTES:
                self.add_error("amount", "Say how much, above nothing.")
        elif said.get("limit") == NO_LIMIT:
            said["quota_bytes"] = 0
        else:
            said["quota_bytes"] = None
        return said
