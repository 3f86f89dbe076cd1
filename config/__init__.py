"""What is wanted: the inventory and the lock, read from YAML into frozen models, and the findings about them."""
