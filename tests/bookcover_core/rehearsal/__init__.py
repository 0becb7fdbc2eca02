"""Tests of `bookcover_core.rehearsal`."""
