"""What an attacker can do with tokens, up to one who can have our own key sign anything."""

import base64
import json
import time
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from rest_framework.test import APIClient

from accounts import keyring
from accounts.ring import Key

MISSING = object()
ATTACKERS_RSA = generate_private_key(public_exponent=65537, key_size=2048)
ATTACKERS_ED25519 = Ed25519PrivateKey.generate()


def segment(value: Any) -> str:
    """Return text, bytes, or anything else as JSON, in base64url."""
    raw = value if isinstance(value, bytes) else (value if isinstance(value, str) else json.dumps(value)).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def neighbour(letter: str) -> str:
    """The letter whose bits differ in the last one only, which a signature's last letter does not use."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(letter) ^ 1]


class Forge:
    """Makes tokens for one session, good in all but what it is told."""

    def __init__(self, *, user_id: uuid.UUID, session_id: uuid.UUID) -> None:
        self.key: Key = keyring.ring().signing_key(time.time())
        now = int(time.time())
        self.header = {"alg": self.key.algorithm, "kid": self.key.kid, "typ": "JWT"}
        self.claims: dict[str, Any] = {
            "iss": settings.PUBLIC_URL, "sub": str(user_id), "aud": "nocturnal-api", "exp": now + 600, "iat": now,
            "nbf": now, "jti": uuid.uuid4().hex, "sid": str(session_id), "typ": "access",
        }  # fmt: skip

    @staticmethod
    def ask(token: str) -> Any:
        """Return what a token is answered."""
        return APIClient().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {token}")

    def sign(self, header: str, payload: str) -> str:
        """Sign two segments, whatever they are, with our own key."""
        algorithm = jwt.PyJWS().get_algorithm_by_name(self.key.algorithm)
        signature = algorithm.sign(f"{header}.{payload}".encode(), self.key.backend.prepared_signing_key)
        return f"{header}.{payload}.{segment(signature)}"

    def good(self) -> str:
        """Return a token that is accepted."""
        return self.sign(self.key.backend.header, segment(self.claims))

    def saying(self, **claims: Any) -> str:
        """Return one with other claims."""
        told = {name: value for name, value in (self.claims | claims).items() if value is not MISSING}
        return self.sign(self.key.backend.header, segment(told))

    def headed(self, **members: Any) -> str:
        """Return one with another header, still signed with our own key."""
        header = {name: value for name, value in (self.header | members).items() if value is not MISSING}
        return self.headed_by(json.dumps(header, separators=(",", ":")))

    def headed_by(self, header: bytes | str) -> str:
        """Return one whose header is these bytes, signed with our own key."""
        return self.sign(segment(header), segment(self.claims))

    def unsigned(self, algorithm: str) -> str:
        """Return one that says it needs no signature."""
        return f"{segment(self.header | {'alg': algorithm})}.{segment(self.claims)}."

    def carrying(self, payload: bytes | str) -> str:
        """Return one whose payload is these bytes."""
        return self.sign(self.key.backend.header, segment(payload))

    def public_key(self, encoding: Encoding, form: PublicFormat) -> bytes:
        """Return our public key as an attacker can download it; of a shared secret there is none, so any other."""
        public = self.key.backend.verifying_key
        known = public if not isinstance(public, str) else ATTACKERS_ED25519.public_key()
        return known.public_bytes(encoding, form)  # type: ignore[no-any-return,attr-defined]  # simplejwt says text

    def with_public_key_as_secret(self, secret: bytes) -> str:
        """Return one signed by HMAC with what everybody can know."""
        header, payload = segment(self.header | {"alg": "HS256"}), segment(self.claims)
        signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
            f"{header}.{payload}".encode(), secret
        )
        return f"{header}.{payload}.{segment(signature)}"

    def by_the_attacker(self, algorithm: str, key: Any, **members: Any) -> str:
        """Return one signed with a key of the attacker's, which its header may offer to verify with."""
        return jwt.encode(self.claims, key, algorithm, headers=self.header | {"alg": algorithm} | members)
