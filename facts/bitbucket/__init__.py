"""Bitbucket's REST API: look up names, post comments and reports."""
