"""A bitbucket-pipelines.yml as frozen values: its steps, and the roles that they name."""
