"""boto3's managed upload of bytes that are in memory already, on as many threads as asked for; prints files a second.

python -m benchmarks.sides.boto3_uploads SIZE_BYTES FILES THREADS
"""

import io
import os
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

size_bytes, files, threads = map(int, sys.argv[1:4])
client = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_ENDPOINT_URL"],
    config=Config(s3={"addressing_style": "path"}, max_pool_connections=64),
)
body = os.urandom(size_bytes)


def upload(_number: int) -> None:
    """Store one."""
    client.upload_fileobj(io.BytesIO(body), os.environ["S3_BUCKET"], f"boto3/{uuid.uuid4()}")


with ThreadPoolExecutor(threads) as pool:
    list(pool.map(upload, range(threads)))  # connections are opened
    started, before = time.perf_counter(), time.process_time()
    list(pool.map(upload, range(files)))
    print(files / (time.perf_counter() - started), (time.process_time() - before) / files)
