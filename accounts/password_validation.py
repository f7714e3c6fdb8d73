"""What a password may not be. Length beyond twelve characters and words are welcome; recipes of symbols are not asked.

Each rule is one of Django's validators, so that registration, the admin and ``createsuperuser`` hold the same.
"""

import re
from itertools import pairwise
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator, UserAttributeSimilarityValidator
from django.core.exceptions import ValidationError

from accounts import breaches

_PRODUCT = "nocturnal"
_FEWEST_DIFFERENT = 5
_FEWEST_SURPRISES = 8
_ROWS = ("qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "qsdfghjklm", "zxcvbnm", "yxcvbnm", "wxcvbn")
_NEXT_KEYS = frozenset(pair for row in _ROWS for pair in pairwise(row))
_DECORATION = re.compile(r"^[\W\d_]{0,6}(.+?)[\W\d_]{0,6}$", re.DOTALL)


class PatternValidator:
    """Refuses what has the length but not the variety: aaaaaaaaaaaa, abcabcabcabc, 123456qwerty."""

    def validate(self, password: str, user: Any = None) -> None:
        """Look at the characters.

        Raises:
            ValidationError: too few different ones, one piece repeated, or mostly runs such as abcd, 4321, qwer.
        """
        lowered = password.lower()
        if len(set(lowered)) < _FEWEST_DIFFERENT or _is_repetition(lowered):
            raise ValidationError("This password repeats itself.", code="password_repetitive")
        if _surprises(lowered) < _FEWEST_SURPRISES:
            raise ValidationError(
                "This password is mostly runs of letters, digits or keys.", code="password_predictable"
            )

    def get_help_text(self) -> str:
        """Return what Django shows beside the field."""
        return "Your password can't be a pattern, such as abcabcabcabc or 123456qwerty."


class CommonValidator(CommonPasswordValidator):
    """Refuses Django's 20,000 common passwords, also with a few digits or signs around: Sunshine2024!!."""

    def validate(self, password: str, user: Any = None) -> None:
        """Look the password up, and what is left of it without its decoration."""
        super().validate(password, user)
        bare = _DECORATION.sub(r"\1", password.strip())
        if bare != password and bare:
            super().validate(bare, user)


class SimilarityValidator(UserAttributeSimilarityValidator):
    """Refuses a password made of the user's e-mail or name, or of the product's."""

    def __init__(self) -> None:
        # The parent's attributes are those of Django's own user; its class attribute is read too early to override.
        super().__init__(user_attributes=("email", "name"))

    def validate(self, password: str, user: Any = None) -> None:
        """Compare with what anyone who guesses would try first."""
        super().validate(password, user)
        if _PRODUCT in password.lower() and len(password) < len(_PRODUCT) + _FEWEST_SURPRISES:
            raise ValidationError("The password is too similar to the product's name.", code="password_too_similar")


class BreachValidator:
    """Refuses a password that is in a known breach, where BREACHED_PASSWORDS_URL names who can tell."""

    def validate(self, password: str, user: Any = None) -> None:
        """Ask; no answer counts as a no.

        Raises:
            ValidationError: it was seen.
        """
        if breaches.is_breached(password):
            text = "This password was published in a breach of some service: others know it. Choose another."
            raise ValidationError(text, code="password_breached")

    def get_help_text(self) -> str:
        """Return what Django shows beside the field."""
        return "Your password can't be one that was published in a breach."


def _is_repetition(text: str) -> bool:
    """Tell whether the text is one piece, at most half as long, again and again; the last may be cut off."""
    return any(text[length:] == text[:-length] for length in range(1, len(text) // 2 + 1))


def _surprises(text: str) -> int:
    """Count the characters that do not go on with a run: the third and later of aaa, abc, 321 or qwe."""
    steps = [_step(a, b) for a, b in pairwise(text)]
    continued = sum(step is not None and step == before for before, step in pairwise(steps))
    return len(text) - continued


def _step(a: str, b: str) -> str | None:
    if (a, b) in _NEXT_KEYS:
        return "key"
    if (b, a) in _NEXT_KEYS:
        return "key back"
    distance = {"90": 1, "09": -1}.get(a + b, ord(b) - ord(a))
    return str(distance) if distance in {-1, 0, 1} else None
