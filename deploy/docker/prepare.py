# ruff: noqa: INP001  a program by itself, for a container of the image
"""Make what docker-compose.yml's servers do not make themselves: the replica set of one, and the bucket.

Both are left alone where they are there already, so it runs before every start.
"""

import os
import sys
import time
from typing import Any

import boto3
import pymongo
from botocore.exceptions import ClientError
from pymongo.errors import OperationFailure, PyMongoError

_ALREADY_INITIALIZED = 23
_PRIMARY_WITHIN_S = 60


def initiate() -> None:
    """Make a replica set of the one member, and wait until it takes writes.

    Raises:
        PyMongoError: it does not answer, or elects nobody.
    """
    member = "mongo:27017"
    address = f"mongodb://{member}/?directConnection=true"
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(address, serverSelectionTimeoutMS=10_000)
    with client:
        try:
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": member}]})
        except OperationFailure as error:
            if error.code != _ALREADY_INITIALIZED:
                raise
        deadline = time.monotonic() + _PRIMARY_WITHIN_S
        while not client.admin.command("hello").get("isWritablePrimary"):
            if time.monotonic() > deadline:
                raise PyMongoError(f"no primary within {_PRIMARY_WITHIN_S} s")
            time.sleep(0.1)


def make_bucket(name: str) -> None:
    """Make the bucket.

    Raises:
        ClientError: the storage refuses.
    """
    client = boto3.client("s3", endpoint_url=os.environ["S3_ENDPOINT_URL"], region_name=os.environ["AWS_REGION"])
    try:
        client.create_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
            raise


if __name__ == "__main__":
    initiate()
    make_bucket(os.environ["S3_BUCKET"])
    sys.stdout.write("The replica set and the bucket are there.\n")
