"""The version of the project: of all its packages, and of what it tells hosts that it asks."""

__version__ = "0.1.0"
