"""Tests of `bookcover_core.evaluation`."""
