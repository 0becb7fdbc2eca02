"""Tests of `bookcover_core.visualisation`."""
