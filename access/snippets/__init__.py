"""Steps of bitbucket-pipelines.yml that get a role's credentials, rendered from the plan alone."""
