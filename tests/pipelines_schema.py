"""The JSON Schema of bitbucket-pipelines.yml that Atlassian publishes."""

import json
from importlib.resources import files

PIPELINES_SCHEMA = json.loads(
    (files("check_jsonschema") / "builtin_schemas/vendor/bitbucket-pipelines.json").read_text()
)
"""What Atlassian publishes for editors at https://api.bitbucket.org/schemas/pipelines-configuration."""
