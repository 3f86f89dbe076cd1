"""Who owns something is read from its tags."""

import pytest

from access.managed_by import managed_by


@pytest.mark.parametrize(
    ("tags", "owner"),
    [
        ({}, "unknown"),
        ({"ManagedBy": "bitbucket-aws-oidc", "ManagedByStack": "x/dev"}, "this_program"),
        ({"ManagedBy": "bitbucket-aws-oidc", "aws:cloudformation:stack-name": "s"}, "this_program"),
        ({"managedby": "bitbucket-aws-oidc"}, "unknown"),
        ({"aws:cloudformation:stack-id": "arn:…"}, "cloudformation"),
        ({"aws:cloudformation:stack-name": "s", "ManagedBy": "terraform"}, "cloudformation"),
        ({"cloudformation": "yes"}, "unknown"),
        ({"ManagedBy": "Terraform"}, "terraform"),
        ({"managed-by": "terraform-cloud"}, "terraform"),
        ({"Managed By": "OpenTofu"}, "terraform"),
        ({"created_by": "team/terragrunt"}, "terraform"),
        ({"Terraform": "true"}, "terraform"),
        ({"terraform-workspace": "prod"}, "terraform"),
        ({"Terraform": "false"}, "unknown"),
        ({"ManagedBy": "hand"}, "unknown"),
        ({"Description": "not terraform any longer"}, "unknown"),
    ],
)
def test_owner_of_tags(tags: dict[str, str], owner: str) -> None:
    assert managed_by(tags) == owner
