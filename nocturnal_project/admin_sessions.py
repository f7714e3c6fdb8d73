"""The admin's sessions, in the cache: what cannot be read is an outage, and not an empty session.

Django's own engine takes any failure of the cache for a session that is over, and has the browser forget it: staff
would be signed out by a Redis that was away for a moment.
"""

from typing import Any

from django.contrib.sessions.backends import cache


class SessionStore(cache.SessionStore):
    """A session of a member of staff."""

    cache_key_prefix = cache.KEY_PREFIX

    def load(self) -> dict[str, Any]:
        """Return what the session holds; nothing, when it is over.

        Raises:
            Exception: any of nocturnal_project.redis.OUTAGES; answered with 503.
        """
        kept: dict[str, Any] | None = self._cache.get(self.cache_key)  # type: ignore[attr-defined]  # not in the stub
        if kept is None:
            self._session_key = None
            return {}
        return kept
