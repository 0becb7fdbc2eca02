"""Tests of `bookcover_core.listings`."""
