"""How many more examples a deep run takes."""

from __future__ import annotations

import os

DEEP = 20 if os.environ.get("KMS_PERIMETER_DEEP") else 1
"""The factor by which `make test-deep` multiplies the examples."""
