"""What accounts need before the first `up`: deploying and reading roles, boundaries, a service control policy."""
