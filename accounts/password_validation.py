"""What a password may not be."""

from django.contrib.auth.password_validation import UserAttributeSimilarityValidator


class SimilarityValidator(UserAttributeSimilarityValidator):
    """Refuses a password made of the user's e-mail or name."""

    DEFAULT_USER_ATTRIBUTES = ("email", "name")
