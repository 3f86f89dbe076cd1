"""A small deployment engine for machines without the Pulumi CLI; for the sandbox alone.

The Pulumi SDK talks to a resource monitor that is an object in this process, so the program that runs is the one
that ``pulumi up`` runs, unmodified. The engine compares what it registers with the state of the last run. Providers
built on ``pulumi.provider.experimental`` carry out the differences.
"""
