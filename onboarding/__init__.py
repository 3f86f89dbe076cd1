"""What people begin with: a first repository, accounts made ready."""
