"""Run the command bitbucket-oidc as ``python -m cli``."""

from cli.main import main

main()
