"""Accounts in the admin: users, groups, sessions, security events, signing keys. Importing this registers them."""

from accounts import admin_keys
from accounts.admin import events, groups, limits, sessions, users
from accounts.admin.panels import Panel, link_to, shown_time, user_panel

__all__ = [
    "Panel",
    "admin_keys",
    "events",
    "groups",
    "limits",
    "link_to",
    "sessions",
    "shown_time",
    "user_panel",
    "users",
]
