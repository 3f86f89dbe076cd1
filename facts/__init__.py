"""Facts from outside: issuers, Bitbucket, Atlassian's address ranges, AWS accounts and git."""
