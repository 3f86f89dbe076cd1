"""Runs the provider as a plugin process of the Pulumi CLI: ``python -m sandbox.aws_provider ENGINE-ADDRESS``."""

import contextlib
import sys
from importlib.metadata import version

from sandbox.aws_provider.provider import SmallAwsProvider
from sandbox.aws_provider.server import serve

if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        serve(SmallAwsProvider(), sys.argv[1:], version("pulumi-aws"))
