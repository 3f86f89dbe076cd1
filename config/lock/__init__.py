"""The lock: what the world outside answered to what the inventory leaves open; reviewed and committed beside it."""

from config.lock.models import Lock
from config.lock.questions import with_locked_quotas, with_locked_uuids
from config.lock.reading import ReadLock, read_lock

__all__ = ["Lock", "ReadLock", "read_lock", "with_locked_quotas", "with_locked_uuids"]
