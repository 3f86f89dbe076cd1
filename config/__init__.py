"""The desired state: the inventory and the lock, read from YAML into frozen models, and the findings about them."""
