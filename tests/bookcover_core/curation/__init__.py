"""Tests of `bookcover_core.curation`."""
