"""The bitbucket-oidc command, one file per command."""
