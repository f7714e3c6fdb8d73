"""Uploads: private files."""
