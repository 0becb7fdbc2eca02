"""What the trained networks predict, and how good that is."""
