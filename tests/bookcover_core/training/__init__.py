"""Tests of `bookcover_core.training`."""
