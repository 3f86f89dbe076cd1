"""From what accounts have to an inventory that says the same: never more access than there is."""
