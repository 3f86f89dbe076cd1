"""Write an inventory from the roles in accounts. It never gives more access than the accounts have."""
