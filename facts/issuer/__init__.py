"""Bitbucket's issuers over TLS: documents, certificates, thumbprints."""
