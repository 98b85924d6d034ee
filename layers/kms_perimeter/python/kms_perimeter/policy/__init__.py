"""The policy language of IAM as KMS applies it to a key: pure, and with the standard library alone."""
