"""Tests of `bookcover_core.models`."""
