"""One instance that does nothing but ask the limiter: python -m tests.limiter_process redis://127.0.0.1:…

Each line of its input is a policy, the id of a user, and how often each of fifty threads asks at the same time. It
answers each with how many passed.
"""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from ratelimits.policies import POLICIES  # noqa: E402  Django first
from ratelimits.redis_store import RedisStore  # noqa: E402  the same
from ratelimits.subjects import user_subject  # noqa: E402  the same
from tests.redis_link import joined_to  # noqa: E402  the same

THREADS = 50


def serve(url: str) -> None:
    """Answer line after line until the input ends."""
    store, start = RedisStore(), threading.Barrier(THREADS)

    def ask(policy: str, user_id: str, times: int) -> int:
        start.wait()
        return sum(store.decide(POLICIES[policy], [user_subject(user_id)]).allowed for _ in range(times))

    with joined_to(url), ThreadPoolExecutor(THREADS) as pool:
        print("ready", flush=True)
        for line in sys.stdin:
            policy, user_id, times = line.split()
            asking = [pool.submit(ask, policy, user_id, int(times)) for _ in range(THREADS)]
            print(sum(passed.result() for passed in asking), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
