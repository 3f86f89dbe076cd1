"""The models of the inventory, one file for each thing that it declares. A model holds and checks data, no more."""
