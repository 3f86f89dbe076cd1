"""A bound on the whole time of something."""

import threading
import time

import pytest

from facts.http import within


def test_work_in_time_gives_its_result() -> None:
    assert within(5, lambda: "done") == "done"


def test_work_in_time_gives_its_error() -> None:
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)


def test_work_that_takes_longer_is_left_behind() -> None:
    over = threading.Event()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        within(0.05, over.wait)
    assert time.monotonic() - began < 2
    over.set()
