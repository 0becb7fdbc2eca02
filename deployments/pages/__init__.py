"""Web pages of the project's own, served on loopback."""
