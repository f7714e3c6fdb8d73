"""The instances as one: what they do together and each by itself, for operators and staff."""
