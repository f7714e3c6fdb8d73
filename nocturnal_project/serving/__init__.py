"""The servers that can serve the application: what both are told, and each one's own part."""
