"""CloudTrail: the record of each KMS call that changes something, and its way to EventBridge's default bus."""
