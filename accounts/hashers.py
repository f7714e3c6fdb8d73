"""Password hashing."""

import unicodedata

from django.contrib.auth.hashers import Argon2PasswordHasher


def normalized_password(password: str) -> str:
    """Return the one spelling of a password under NFKC, because keyboards differ in how they send the same letters.

    NIST SP 800-63B asks for NFKC or NFKD. White space and case stay: they are the user's.
    """
    return unicodedata.normalize("NFKC", password)


class Argon2idHasher(Argon2PasswordHasher):
    """argon2id at OWASP's setting: 19 MiB, two passes, one lane.

    Django's own (100 MiB, eight lanes) costs ten times the time and starves a pod's other requests.
    A hash made with other numbers is renewed at the next sign-in.
    """

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Hash the normalized spelling.

        Another spelling costs a second hashing, as checking it does: otherwise whoever sends one could tell an
        account, whose hash is checked, from none, for which a hash is made.
        """
        normalized = normalized_password(password)
        if normalized != password:
            super().encode(password, salt)
        return super().encode(normalized, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Check the normalized spelling, then the password as it was typed: hashes from elsewhere were made of that."""
        normalized = normalized_password(password)
        fits = super().verify(normalized, encoded)
        return fits or (normalized != password and super().verify(password, encoded))
