"""Covers: downloaded or taken from a folder or archive, checked, and entered in the ledger."""
