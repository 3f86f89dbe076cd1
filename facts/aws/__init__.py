"""What AWS accounts hold already: asked with the credentials of the program, nothing is written.

Needs botocore, which is no dependency of a run of the program (``bitbucket-aws-oidc[aws]``): whoever imports from here
asks ``facts.aws`` first.
"""

from importlib.util import find_spec

from oidc.errors import UsageError


def require_aws_package(wanted_by: str, *, package: str = "botocore") -> None:
    """Refuse to go on without the package.

    Args:
        wanted_by: What needs it: ``lock --aws``.
        package: Its name.

    Raises:
        UsageError: It is not installed.
    """
    if find_spec(package) is None:
        raise UsageError(
            f"{wanted_by} asks AWS through the Python package {package}, which is not installed",
            do="install this project with its extra `aws`: bitbucket-aws-oidc[aws]",
        )
