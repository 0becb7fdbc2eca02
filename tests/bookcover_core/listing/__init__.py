"""Tests of `bookcover_core.listing`."""
