"""Migrations of Django's own apps on MongoDB, whose stock ones make integer keys."""
