"""Tests of `bookcover_core.report`."""
