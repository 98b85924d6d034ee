"""Examining an account: whether the service can do its work there, sign by sign."""
