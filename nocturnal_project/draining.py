"""Whether this process has been told to end and still serves, so that whoever sends it requests can stop in time.

SIGTERM begins the drain (``serving/``): readiness fails at once, and for DRAIN_SECONDS everything is served as before,
with ``Connection: close`` on each answer. Only then no more connections are taken, and what runs may end.
"""

_draining = False


def begin() -> bool:
    """Begin to drain; False when that was so before: an end is often announced twice, by a group and by a master."""
    global _draining  # called from signal handlers, so without a lock
    before, _draining = _draining, True
    return not before


def has_begun() -> bool:
    """Tell whether this process is on its way out; its heartbeat goes on meanwhile."""
    return _draining
