"""The exact proof: a rendered trust policy admits the tokens that the inventory declares, and no others.

Both sides are read independently of the code that renders: the declared one in the words of the inventory, the
rendered one from the text that IAM gets. Nothing is sampled: the two are compared as regular languages.
"""
