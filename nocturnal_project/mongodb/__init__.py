"""The database engine: a thin subclass of django-mongodb-backend, pinned to the version it was written for.

Stock, that backend scans where it could seek and sends operators that DocumentDB lacks. Each override
here says why it is there and what it costs; whatever it does not recognise falls through to the parent.
"""

PARENT_VERSION = "5.2.4"
