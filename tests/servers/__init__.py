"""One module a server: how it is started, when it is ready, and how it is made to fail."""
