"""The world outside: the issuer's discovery document and its certificate chain."""
