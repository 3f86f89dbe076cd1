"""Permission policies as the inventory writes them."""
