"""What a run of an engine did or would do, as lines and as JSON; pure, nothing here prints."""
