"""The whole program on one machine: emulated AWS accounts, an emulated Bitbucket, and a small engine."""
