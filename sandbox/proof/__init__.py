"""The proof: it presents right and wrong tokens to every role, and compares the answers of STS with the inventory."""
