"""What accounts need before the program can come to them, made of the inventory: roles, boundaries, and their guard."""
