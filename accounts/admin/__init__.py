"""Accounts in the admin: users, groups, sessions, security events. Importing this registers them."""

from accounts.admin import events, groups, sessions, users
from accounts.admin.panels import Panel, shown_time, user_panel

__all__ = ["Panel", "events", "groups", "sessions", "shown_time", "user_panel", "users"]
