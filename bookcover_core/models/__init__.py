"""Networks: backbones with the input that each expects, their weights, and the head."""
