"""A replay endpoint that answers as WinRM does; it is a fake for tests and never speaks KMS."""
