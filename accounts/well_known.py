"""The public keys, for parties that verify access tokens themselves (RFC 7517)."""

import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from accounts import keyring
from accounts.key_material import EDDSA
from nocturnal_project import clock
from nocturnal_project.errors import NotFound
from ratelimits.throttling import exempt

# With the half minute for which an instance may not have read the ring, shorter than a key is published ahead.
_CACHED_SECONDS = 60


@csrf_exempt
@exempt("Public, the same for everyone, made from memory, and cached by whoever asks often.")
@require_safe
def jwks(request: HttpRequest) -> HttpResponse:
    """Answer with every public key that is accepted, the newest first; one that has yet to sign among them.

    Raises:
        NotFound: tokens are signed with a shared secret here, so nobody else can verify them.
    """
    if settings.JWT_ALGORITHM != EDDSA:
        raise NotFound("Tokens are signed with a shared secret here; there are no public keys.")
    now = clock.now().timestamp()
    keys = [key.backend.public_jwk for key in keyring.ring().keys if now < key.accepted_until]
    body = json.dumps({"keys": [key for key in keys if key]})
    response = HttpResponse(body, content_type="application/jwk-set+json")
    response.headers["Cache-Control"] = f"public, max-age={_CACHED_SECONDS}"
    return response
