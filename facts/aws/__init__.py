"""Read what AWS accounts already have; only `cloudformation_stack` writes, the stack of `bootstrap --deploy`.

Needs botocore, which only the extra ``bitbucket-aws-oidc[aws]`` installs: a command calls ``require_extra`` before it
imports a module of this package.
"""
