"""Limits that decide who may ask how often, and say so in headers."""
