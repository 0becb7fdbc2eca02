"""Covers measured and made square: NoPrep, Padded, Cropped."""
