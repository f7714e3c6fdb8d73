"""The product's settings, as tests want them: nothing from the developer's own environment."""

import os

os.environ["DOTENV"] = ""
os.environ.setdefault("LOG_LEVEL", "warning")

from nocturnal_project.settings import *  # noqa: F403  the environment must be set first
