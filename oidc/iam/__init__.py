"""IAM's policy language: documents, patterns, and what they allow."""
