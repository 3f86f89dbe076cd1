"""Where Pulumi keeps the states of stacks: a folder or a bucket is read directly, any other through the CLI."""

from fleet.backend.records import Backend, StackLock, StackRecord

__all__ = ["Backend", "StackLock", "StackRecord"]
