"""A small deployment engine for machines without the Pulumi CLI; for the sandbox alone.

The Pulumi SDK talks to a resource monitor that is an object in this process, so the program that runs is the one
that ``pulumi up`` runs, unmodified. What it registers is compared with the state of the last run and carried out by
providers built on ``pulumi.provider.experimental``.
"""

from sandbox.engine.builtin_engine import BuiltinEngine
from sandbox.engine.program import LogMessage, Program
from sandbox.engine.steps import Operation, Phase, PropertyChange, Step, Summary

__all__ = ["BuiltinEngine", "LogMessage", "Operation", "Phase", "Program", "PropertyChange", "Step", "Summary"]
