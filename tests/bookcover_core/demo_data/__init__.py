"""Tests of `bookcover_core.demo_data`."""
