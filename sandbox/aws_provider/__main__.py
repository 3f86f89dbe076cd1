"""Runs the provider as a plugin process of the Pulumi CLI: ``python -m sandbox.aws_provider [OPTION] ENGINE-ADDRESS``.

With ``--as-platform-engineer`` ambient credentials stand for all accounts, as in the built-in engine's sandbox runs.
"""

import contextlib
import sys
from importlib.metadata import version

from sandbox.aws_provider.account import connect, connect_as_platform_engineer
from sandbox.aws_provider.provider import SmallAwsProvider
from sandbox.aws_provider.server import serve

_AS_PLATFORM_ENGINEER = "--as-platform-engineer"

if __name__ == "__main__":
    arguments = [one for one in sys.argv[1:] if one != _AS_PLATFORM_ENGINEER]
    way_in = connect_as_platform_engineer if _AS_PLATFORM_ENGINEER in sys.argv else connect
    with contextlib.suppress(KeyboardInterrupt):
        serve(SmallAwsProvider(connect=way_in), arguments, version("pulumi-aws"))
