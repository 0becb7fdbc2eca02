"""Tests of `bookcover_core.reading`."""
