"""What a signing key is made of: 32 bytes, derived from JWT_SECRET or drawn at random and sealed with it.

Whoever has JWT_SECRET has every key; whoever has only the database has none, and cannot alter or add one.
"""

import base64
import hashlib
import json
import secrets

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend

HS256, EDDSA = "HS256", "EdDSA"
ALGORITHMS = (HS256, EDDSA)
_SEED_BYTES = 32
_NONCE_BYTES = 12  # what AES-GCM wants
_jws = jwt.PyJWS()


class SealBroken(Exception):
    """The seed was sealed with another JWT_SECRET, or the row was altered."""


class KeyBackend(TokenBackend):
    """simplejwt's backend for one key: names it in the header, and takes tokens of its own algorithm only."""

    def __init__(self, *, kid: str, algorithm: str, secret: str | Ed25519PrivateKey) -> None:
        """Hold the key that signs and the one that verifies; with HS256 they are the same."""
        verifying = secret.public_key() if isinstance(secret, Ed25519PrivateKey) else secret
        super().__init__(algorithm, signing_key=secret, verifying_key=verifying)  # type: ignore[arg-type]  # PyJWT takes key objects, simplejwt's annotation says text
        self.kid = kid
        self.header = header_segment(kid, algorithm)

    def encode(self, payload: dict[str, object]) -> str:
        """Return the claims as a signed token."""
        return jwt.encode(payload, self.prepared_signing_key, self.algorithm, headers={"kid": self.kid})

    def verified_payload(self, token: str) -> bytes:
        """Return what was signed, unread.

        Raises:
            jwt.InvalidTokenError: this key did not sign it.
        """
        payload: bytes = _jws.decode(token, self.prepared_verifying_key, algorithms=[self.algorithm])
        return payload

    @property
    def public_jwk(self) -> dict[str, str] | None:
        """The public key as RFC 8037 writes it, or None where verifying takes the secret."""
        if not isinstance(self.verifying_key, Ed25519PublicKey):
            return None
        x = _base64url(self.verifying_key.public_bytes_raw())
        return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": self.algorithm, "kid": self.kid, "x": x}


def header_segment(kid: str, algorithm: str) -> str:
    """Return the first part of every token that a key signs: a constant, so that nothing else need be understood."""
    header = {"alg": algorithm, "kid": kid, "typ": "JWT"}
    return _base64url(json.dumps(header, separators=(",", ":")).encode())


def derived_backend(algorithm: str) -> KeyBackend:
    """Return the key that needs no row: every instance with the same JWT_SECRET has it at once."""
    if algorithm == HS256:
        kid = hashlib.sha256(settings.JWT_SECRET.encode()).hexdigest()[:8]
        return KeyBackend(kid=kid, algorithm=HS256, secret=settings.JWT_SECRET)
    private = Ed25519PrivateKey.from_private_bytes(_derived("signing key EdDSA"))
    kid = hashlib.sha256(private.public_key().public_bytes_raw()).hexdigest()[:16]
    return KeyBackend(kid=kid, algorithm=EDDSA, secret=private)


def backend_of(*, seed: bytes, kid: str, algorithm: str) -> KeyBackend:
    """Return the key that a drawn seed makes."""
    secret = seed.hex() if algorithm == HS256 else Ed25519PrivateKey.from_private_bytes(seed)
    return KeyBackend(kid=kid, algorithm=algorithm, secret=secret)


def new_kid() -> str:
    """Return a name that no other key has."""
    return secrets.token_hex(8)


def new_sealed_seed(facts: str) -> str:
    """Draw a seed and return it encrypted, bound to the facts of its row."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(_derived("seal of signing keys")).encrypt(nonce, secrets.token_bytes(_SEED_BYTES), facts.encode())
    return _base64url(nonce + sealed)


def unseal(sealed: str, facts: str) -> bytes:
    """Return the seed.

    Raises:
        SealBroken: another JWT_SECRET sealed it, or it belongs to other facts.
    """
    try:
        raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        return AESGCM(_derived("seal of signing keys")).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], facts.encode())
    except (InvalidTag, ValueError) as error:
        raise SealBroken from error


def _derived(purpose: str) -> bytes:
    info = f"nocturnal {purpose}".encode()
    return HKDF(SHA256(), _SEED_BYTES, salt=None, info=info).derive(settings.JWT_SECRET.encode())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
