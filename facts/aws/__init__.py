"""Read what AWS accounts already have, with the program's credentials; nothing is written.

Needs botocore, which only the extra ``bitbucket-aws-oidc[aws]`` installs: call ``require_aws_package`` before
you import a module of this package.
"""

from importlib.util import find_spec

from oidc.errors import UsageError


def require_aws_package(wanted_by: str, *, package: str = "botocore") -> None:
    """Check that a package is installed.

    Args:
        wanted_by: The command that needs it: ``lock --aws``.
        package: The name of the package.

    Raises:
        UsageError: The package is not installed.
    """
    if find_spec(package) is None:
        raise UsageError(
            f"{wanted_by} needs the Python package {package}, which is not installed",
            do="install this project with its extra `aws`: bitbucket-aws-oidc[aws]",
        )
