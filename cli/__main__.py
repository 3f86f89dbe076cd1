"""``python -m cli``: the same as the command bitbucket-oidc."""

from cli.main import main

main()
