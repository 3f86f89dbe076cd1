"""The proof: tokens, right and wrong, presented to every role; what STS decided against what the inventory says."""
