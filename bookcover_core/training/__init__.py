"""Transfer learning: pooled features, heads trained on them, the comparison of preparations."""
