"""The Pulumi CLI in the sandbox: its plugins and environment, its stack, and the engine that runs it."""
