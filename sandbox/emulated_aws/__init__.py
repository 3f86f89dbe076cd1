"""Emulated AWS accounts: IAM and STS on loopback, in a child process, decided by ministack behind a front of ours.

``EmulatedAws`` runs the child, ``sandbox.emulated_aws.prepare_accounts`` makes what real accounts already have.
Sessions are not part of the state: after a restart every temporary credential is unknown, as if it had expired.
"""

from sandbox.emulated_aws.process import EmulatedAws
from sandbox.emulated_aws.settings import SOURCE_IP_HEADER, IssuerEndpoint

__all__ = ["SOURCE_IP_HEADER", "EmulatedAws", "IssuerEndpoint"]
