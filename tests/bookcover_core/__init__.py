"""Tests of `bookcover_core`."""
