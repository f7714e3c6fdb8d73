"""Password hashing."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """argon2id at OWASP's setting: 19 MiB, two passes, one lane.

    Django's own (100 MiB, eight lanes) costs ten times the time and starves a pod's other requests.
    A hash made with other numbers is renewed at the next sign-in.
    """

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1
