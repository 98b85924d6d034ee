"""KMS Perimeter: a KMS key can be used only from the networks its owner approved."""

__version__ = "0.1.0"
