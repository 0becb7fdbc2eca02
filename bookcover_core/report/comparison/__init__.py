"""Comparison of two studies: their systems on the books that they share, as a page with tables and numbers."""
