"""Replays logs against limits, in memory: nothing here reaches Redis, and only the present limits are read."""
