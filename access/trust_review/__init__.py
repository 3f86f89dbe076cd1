"""Review any trust policy: the Bitbucket tokens it admits, and its faults."""
