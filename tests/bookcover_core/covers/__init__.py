"""Tests of `bookcover_core.covers`."""
