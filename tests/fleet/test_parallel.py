"""The default number of stacks at the same time follows from cores and free memory."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.parallel import MOST, default_parallel, free_memory_mb, parallel_here


@pytest.mark.parametrize(
    ("cores", "memory", "number"), [(4, 4000, 4), (4, 8000, 8), (2, 64_000, 4), (64, 500_000, MOST), (1, 100, 1)]
)
def test_machines_as_bitbucket_has_them(cores: int, memory: int, number: int) -> None:
    assert default_parallel(cores, memory) == number


@given(st.integers(1, 200), st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_memory_never_means_fewer_stacks(cores: int, memory: int, more: int) -> None:
    assert 1 <= default_parallel(cores, memory) <= default_parallel(cores, memory + more) <= MOST


def test_the_limit_of_a_container_counts(tmp_path: Path) -> None:
    for folder in ("proc", "sys/fs/cgroup/memory"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 32000000 kB\nMemAvailable:   16384000 kB\n")
    assert free_memory_mb(tmp_path) == 16_000
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("max\n")
    (tmp_path / "sys/fs/cgroup/memory.current").write_text("1048576\n")
    assert free_memory_mb(tmp_path) == 16_000
    (tmp_path / "sys/fs/cgroup/memory.max").write_text(f"{4096 * 1024 * 1024}\n")
    assert free_memory_mb(tmp_path) == 4095
    (tmp_path / "sys/fs/cgroup/memory/memory.limit_in_bytes").write_text(f"{2048 * 1024 * 1024}\n")
    (tmp_path / "sys/fs/cgroup/memory/memory.usage_in_bytes").write_text("0\n")
    assert free_memory_mb(tmp_path) == 2048


def test_this_machine_runs_at_least_one() -> None:
    assert parallel_here() >= 1
    assert free_memory_mb(Path("/nowhere")) > 0
