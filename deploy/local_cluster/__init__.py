"""The whole topology on one machine: what `make cluster` starts, and the process that keeps it."""
