"""The first steps: a first inventory, and the preparation of accounts."""
