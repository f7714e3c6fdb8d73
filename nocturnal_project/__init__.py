"""Nocturnal: accounts, private files and shared rate limits on any number of identical pods."""

__version__ = "0.1.0"
