"""Accounts: users, their sessions and their tokens."""
