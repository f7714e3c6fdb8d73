"""The form of one policy's numbers: what is left empty is as the variables say."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from ratelimits.models import LimitOverride
from ratelimits.policies import OVERRIDABLE, SHADOW, Policy, variable_of

# Far above any use, and within what every database keeps.
_LARGEST = 1_000_000_000
_NAMES = {
    "window": ("Window", "Seconds in which the requests are counted."),
    "normal": ("Normal limit", "Requests in a window."),
    "strict": ("Strict limit", "Requests in a window, for who is held to the strict limit."),
    "strict_after": ("Strict after", "Refusals within an hour that lead to the strict limit."),
    "block_after": ("Block after", "Refusals within an hour that lead to a block."),
    "shadow": ("Shadow", "Count and report, but refuse nobody. What it counts is apart."),
}
_ON_OFF = {True: "on", False: "off"}


class NumberForm(forms.Form):
    """One field for each number, with the variables' value beside it."""

    def __init__(self, policy: Policy, chosen: LimitOverride, data: Mapping[str, Any] | None = None) -> None:
        """``policy`` is as the variables say, ``chosen`` what staff have changed."""
        initial = {name: getattr(chosen, name) for name in OVERRIDABLE}
        initial[SHADOW] = {None: "", True: "true", False: "false"}[chosen.shadow]
        super().__init__(data, initial=initial)
        for name in OVERRIDABLE:
            title, help_text = _NAMES[name]
            self.fields[name] = forms.IntegerField(
                label=title, help_text=help_text, required=False, min_value=1, max_value=_LARGEST,
                widget=UnfoldAdminIntegerFieldWidget(
                    attrs={"placeholder": getattr(policy, name), "inputmode": "numeric"}
                ),
            )  # fmt: skip
        title, help_text = _NAMES[SHADOW]
        choices = [("", f"Unset ({_ON_OFF[policy.shadow]})"), ("true", "On"), ("false", "Off")]
        self.fields[SHADOW] = forms.TypedChoiceField(
            label=title, help_text=help_text, required=False, choices=choices, empty_value=None,
            coerce=lambda value: value == "true", widget=UnfoldAdminSelectWidget(),
        )  # fmt: skip
        self.policy = policy

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What the page shows of each field: itself, the value without staff's, and where that is from."""
        return [self._row(name) for name in self.fields]

    def _row(self, name: str) -> dict[str, Any]:
        value = getattr(self.policy, name)
        variable = variable_of(self.policy, name)
        return {
            "field": self[name],
            "otherwise": _ON_OFF[value] if name == SHADOW else value,
            "variable": variable,
            "is_set": variable in settings.RATE_LIMIT_OVERRIDES,
        }
