"""What a bucket must be told once: who may send to it from pages, what expires, and that nothing is public."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import ClientError
from django.core.files.storage import default_storage

from uploads import storage
from uploads.keys import STAGING

_STAGED_DAYS = 1
_UNKNOWN = frozenset({"NotImplemented", "501", "MethodNotAllowed"})
Outcome = Literal["as it was", "changed", "not known to this store"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that the bucket should have: how to read it, and how to say it."""

    name: str
    wanted: dict[str, Any]
    read: Callable[[], dict[str, Any]]
    write: Callable[[dict[str, Any]], object]


def rules(origins: Sequence[str]) -> list[Rule]:
    """Return what the bucket of ``S3_BUCKET`` should have, for pages of these origins."""
    bucket: Any = default_storage
    client, name = bucket.client, {"Bucket": bucket.bucket_name}
    cors = {
        "AllowedOrigins": list(origins),
        "AllowedMethods": ["GET", "POST", "PUT"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 3600,
    }
    expiry = {
        "ID": "staging",
        "Status": "Enabled",
        "Filter": {"Prefix": STAGING},
        "Expiration": {"Days": _STAGED_DAYS},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _STAGED_DAYS},
    }
    private = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    return [
        Rule(
            "pages that may send",
            {"CORSRules": [cors]},
            lambda: {"CORSRules": client.get_bucket_cors(**name)["CORSRules"]},
            lambda wanted: client.put_bucket_cors(**name, CORSConfiguration=wanted),
        ),
        Rule(
            "what expires",
            {"Rules": [expiry]},
            lambda: {"Rules": client.get_bucket_lifecycle_configuration(**name)["Rules"]},
            lambda wanted: client.put_bucket_lifecycle_configuration(**name, LifecycleConfiguration=wanted),
        ),
        Rule(
            "nothing public",
            private,
            lambda: dict(client.get_public_access_block(**name)["PublicAccessBlockConfiguration"]),
            lambda wanted: client.put_public_access_block(**name, PublicAccessBlockConfiguration=wanted),
        ),
    ]


def apply(rule: Rule, *, dry_run: bool) -> Outcome:
    """Tell the bucket one thing unless it knows it already; return what came of it, or would.

    Raises:
        ServiceUnavailable: the store did not answer, or refused.
    """
    with storage.answering_for("configure"):
        try:
            there = rule.read()
        except ClientError as error:
            if _code(error) in _UNKNOWN:
                return "not known to this store"
            there = {}  # nothing of the kind was said yet: every store has a code of its own for that
        if there == rule.wanted:
            return "as it was"
        if not dry_run:
            try:
                rule.write(rule.wanted)
            except ClientError as error:
                if _code(error) in _UNKNOWN:
                    return "not known to this store"
                raise
    return "changed"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))
