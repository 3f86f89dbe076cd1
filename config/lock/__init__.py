"""The lock: what Bitbucket, issuers, Atlassian and AWS answered; reviewed and committed with the inventory."""

from config.lock.models import Lock
from config.lock.questions import with_locked_quotas, with_locked_uuids
from config.lock.reading import ReadLock, read_lock

__all__ = ["Lock", "ReadLock", "read_lock", "with_locked_quotas", "with_locked_uuids"]
