"""A small AWS provider for the sandbox: the IAM resource types that the program registers, on ``pulumi_aws``'s names.

It behaves like the official provider wherever the program can see a difference: replacements, updates in place,
defaults, computed outputs, refreshes, and the calls to AWS. Like the whole sandbox it calls loopback alone. Each
module names the source files that it follows; docs/internals/decisions/0008-the-small-aws-provider.md says whose.
"""

from sandbox.aws_provider.provider import SmallAwsProvider

__all__ = ["SmallAwsProvider"]
