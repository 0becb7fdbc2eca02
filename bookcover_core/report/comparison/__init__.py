"""Two studies compared: the systems of both, on the books that they share."""
