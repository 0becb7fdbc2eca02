"""Tests of `bookcover_core.families`."""
