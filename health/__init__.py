"""Health: whether this instance lives, is ready, and what it depends on."""
