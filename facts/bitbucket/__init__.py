"""What Bitbucket says of the names that an inventory has, asked by its REST API."""
