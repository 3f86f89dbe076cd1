"""What any trust policy really admits of Bitbucket's tokens, and what is wrong with it."""
