"""The Pulumi CLI: where it is, a run of one of its commands, and the steps that a run reports."""
