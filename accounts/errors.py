"""What can go wrong with accounts, sessions and tokens."""

from nocturnal_project.errors import NocturnalError

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="api"'}


class InvalidCredentials(NocturnalError):
    """The e-mail and password do not belong together. The same for unknown, wrong and deactivated."""

    code = "invalid_credentials"
    status = 401
    title = "The e-mail or the password is wrong."


class EmailTaken(NocturnalError):
    """The e-mail has an account already."""

    code = "email_taken"
    status = 409
    title = "This e-mail has an account already."


class InvalidToken(NocturnalError):
    """A token that is malformed, forged, expired or meant for something else."""

    code = "invalid_token"
    status = 401
    title = "The token is not valid."

    def __init__(self, detail: str = "") -> None:
        """Challenge as RFC 6750 asks."""
        super().__init__(
            detail, headers={"WWW-Authenticate": f'{_CHALLENGE["WWW-Authenticate"]}, error="invalid_token"'}
        )


class TokenExpired(InvalidToken):
    """A token that was good until its time ran out: refresh it."""

    code = "token_expired"
    title = "The token has expired."


class SessionRevoked(InvalidToken):
    """The session that the token belongs to was ended."""

    code = "session_ended"
    title = "The session was ended. Sign in again."


class RefreshTokenReused(InvalidToken):
    """A refresh token came back after it was spent: someone else may have it, so its session was ended."""

    code = "refresh_token_reused"
    title = "The refresh token was used before. Its session was ended; sign in again."


class LinkInvalid(NocturnalError):
    """A link from a mail that does not fit: altered, used, too old, or its account has changed since."""

    code = "link_invalid"
    status = 403
    title = "The link was used, altered or has expired. Ask for a new one."


class WrongPassword(NocturnalError):
    """A signed-in user gave another password than their own. Not a 401: their token is good, and is to be kept."""

    code = "wrong_password"
    status = 422
    title = "The current password is wrong."

    def __init__(self) -> None:
        """Point at the field."""
        place = {"pointer": "#/current_password", "code": self.code, "detail": self.title}
        super().__init__(errors=[place])
