"""Tests of `bookcover_core.preparation`."""
