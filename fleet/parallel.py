"""How many stacks a machine runs at the same time, by its cores and its memory."""

import os
from pathlib import Path

PROVIDER_MB = 430
"""The most memory of one process of the AWS provider; 170 to 430 MB were reported
(https://github.com/pulumi/pulumi-aws/issues/5226, https://github.com/pulumi/pulumi-aws/issues/5860)."""

PROVIDERS_OF_A_STACK = 2
"""The provider processes of a stack while its state is read: one for the state, one for the program. Measured."""

CLI_MB = 120
"""The Pulumi CLI and the program of one stack. Measured: a pool of four takes 200 MB more than a pool of two."""

STACKS_OF_A_CORE = 2
"""A stack waits for AWS most of the time."""

MOST = 32
"""Beyond it, STS and IAM throttle rather than answer."""

_MB = 1024 * 1024


def default_parallel(cores: int, memory_mb: int) -> int:
    """Return the number of stacks for a machine, at least 1.

    Args:
        cores: Of this process.
        memory_mb: What is free.
    """
    of_memory = memory_mb // (PROVIDERS_OF_A_STACK * PROVIDER_MB + CLI_MB)
    return max(1, min(STACKS_OF_A_CORE * cores, of_memory, MOST))


def parallel_here() -> int:
    """Return the number of stacks for this machine, or the container that this process runs in."""
    return default_parallel(_cores(), free_memory_mb())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory_mb(root: Path = Path("/")) -> int:
    """Return the free memory: that of the machine, or less if the container is limited.

    Sources: https://man7.org/linux/man-pages/man5/proc_meminfo.5.html, and for containers
    https://docs.kernel.org/admin-guide/cgroup-v2.html. Elsewhere than on Linux: the whole physical memory.

    Args:
        root: The folder that has ``proc`` and ``sys``.
    """
    found = [_meminfo(root / "proc/meminfo"), *_cgroup(root / "sys/fs/cgroup")]
    known = [value for value in found if value is not None]
    return min(known) if known else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MB


def _meminfo(file: Path) -> int | None:
    lines = (line.split() for line in _text(file).splitlines())
    return next((int(words[1]) // 1024 for words in lines if words[:1] == ["MemAvailable:"]), None)


def _cgroup(folder: Path) -> list[int | None]:
    """Return what is left of the limit of the container: version 2, else version 1."""
    pairs = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
    return [_left(_text(folder / limit), _text(folder / used)) for limit, used in pairs]


def _left(limit: str, used: str) -> int | None:
    return max(0, int(limit) - int(used)) // _MB if limit.isdecimal() and used.isdecimal() else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
