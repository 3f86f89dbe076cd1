"""Pulumi ComponentResources that turn an AccessPlan into resources, one explicit AWS provider per account."""
