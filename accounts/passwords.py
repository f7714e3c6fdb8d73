"""Passwords: checking one, judging a new one, and writing it. Only here."""

from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.hashers import normalized_password
from accounts.models import User
from nocturnal_project.errors import InvalidInput


def password_opens(user: User, password: str) -> bool:
    """Tell whether it is the user's password, and renew a hash that was made with other numbers."""

    def renew_hash(raw: str) -> None:
        renewed = make_password(raw)
        if User.objects.filter(pk=user.pk, password=user.password).update(password=renewed):
            user.password = renewed

    return check_password(password, user.password, setter=renew_hash)


def require_good_password(password: str, user: User, *, pointer: str) -> None:
    """Hold a new password to every rule, in the spelling that will be hashed.

    Raises:
        InvalidInput: the password is too weak; every reason is given, at ``pointer``.
    """
    try:
        validate_password(normalized_password(password), user)
    except ValidationError as error:
        reasons = [
            {"pointer": pointer, "code": reason.code or "invalid", "detail": message}
            for reason in error.error_list
            for message in reason.messages
        ]
        raise InvalidInput(" ".join(error.messages), errors=reasons) from error


def replace_password(user: User, password: str, **also: Any) -> bool:
    """Write a new password if the present one is still what was read; False when someone was quicker.

    One conditional update: of any number of changes that start from one password, one is carried out.
    """
    unchanged = User.objects.filter(pk=user.pk, password=user.password, email=user.email, is_active=True)
    return bool(unchanged.update(password=make_password(password), **also))
