"""The product's settings, as tests want them: nothing from the developer's own environment."""

import os
import tempfile

os.environ["DOTENV"] = ""
os.environ.setdefault("LOG_LEVEL", "warning")
_folder = tempfile.TemporaryDirectory(prefix="nocturnal-tests-")
os.environ["DATA_DIR"] = _folder.name

from nocturnal_project.settings import *  # noqa: E402, F403  the environment must be set first
from nocturnal_project.settings import DATA_DIR, DATABASES, MONGODB_URI  # noqa: E402  the same

# A file, not memory: threads share a file as processes do in production.
if not MONGODB_URI:
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
