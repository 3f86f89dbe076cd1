"""What AWS accounts hold already: asked with the credentials of the program, nothing is written.

Needs botocore, which is no dependency of a run of the program (``bitbucket-aws-oidc[aws]``): whoever imports from here
asks ``facts.aws_package`` first.
"""
