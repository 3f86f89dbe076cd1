"""A small AWS provider for the sandbox: the IAM resource types that the program registers, on ``pulumi_aws``'s names.

It behaves as the official provider where the program can notice: what replaces, what is updated in place, defaults,
computed outputs, what a refresh sees, which calls are made. Like all of the sandbox it calls nothing but loopback.
Each behaviour and its source: docs/decisions/0008-the-small-aws-provider.md.
"""

from sandbox.aws_provider.provider import SmallAwsProvider

__all__ = ["SmallAwsProvider"]
