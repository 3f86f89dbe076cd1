"""The ways a step can get a role's credentials."""

from enum import StrEnum


class Style(StrEnum):
    """What the step runs."""

    WEB_IDENTITY = "web-identity"
    EXPLICIT = "explicit"
    PIPE = "pipe"
    TERRAFORM = "terraform"
    CDK = "cdk"
    PULUMI = "pulumi"
    ECR_IMAGE = "ecr-image"
