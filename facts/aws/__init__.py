"""Read what AWS accounts already have, with the program's credentials; nothing is written.

Needs botocore, which only the extra ``bitbucket-aws-oidc[aws]`` installs: a command calls ``require_extra`` before it
imports a module of this package.
"""
