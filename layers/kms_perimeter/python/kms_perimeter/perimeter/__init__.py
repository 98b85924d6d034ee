"""The perimeter file: which operations on which keys must come from which networks.

`model` is what a file says, `reader` reads it from JSON. `perimeter.schema.json`, beside this package, says the same
for editors; the service itself needs no schema library, and a test keeps the two in step.
"""

from kms_perimeter.perimeter.model import (
    AppliesTo,
    Mode,
    Perimeter,
    PerimeterFile,
    PolicyException,
    Rule,
    ServiceTrust,
    Strategy,
    Template,
)
from kms_perimeter.perimeter.reader import from_document, load, simple

__all__ = [
    "AppliesTo",
    "Mode",
    "Perimeter",
    "PerimeterFile",
    "PolicyException",
    "Rule",
    "ServiceTrust",
    "Strategy",
    "Template",
    "from_document",
    "load",
    "simple",
]
