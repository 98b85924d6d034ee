"""The template as SAM hands it to CloudFormation: JSON in, JSON out; run by the SAM CLI's own interpreter."""

from __future__ import annotations

import json
import sys

from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template names no policy of AWS, so there is none to look up."""

    def load(self) -> dict[str, str]:
        """Nothing."""
        return {}


sys.stdout.write(json.dumps(transform(json.load(sys.stdin), {}, NoManagedPolicies())))
