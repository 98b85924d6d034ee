"""Which perimeter file decides: the newest version if it is good, else the last good one.

A deployment checks the file (`on_deployment`), but Parameter Store takes a new version without one. A version that is
wrong must neither stop the guard nor decide anything: the one before it goes on, and people are told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kms_perimeter import message, perimeter
from kms_perimeter.errors import MalformedPerimeter

if TYPE_CHECKING:
    from kms_perimeter.aws.ledger import Governing
    from kms_perimeter.aws.parameters import Parameter
    from kms_perimeter.outlet import Outlet
    from kms_perimeter.perimeter import PerimeterFile


@dataclass(frozen=True, slots=True)
class InForce:
    """The perimeter file that decides.

    Attributes:
        file: the file.
        version: its version in Parameter Store, as text; empty for a deployment without a file.
    """

    file: PerimeterFile
    version: str = ""


def in_force(newest: Parameter, kept: Governing, alerts: Outlet, name: str) -> InForce:
    """The newest version if it is good; else the last good one, and people are told once why.

    Args:
        newest: the parameter as it is now.
        kept: where the last good version is kept.
        alerts: where messages go.
        name: of the parameter.

    Raises:
        MalformedPerimeter: the newest version is wrong and there is no good one yet.
    """
    known = kept.kept()
    try:
        file = perimeter.load(newest.text)
    except MalformedPerimeter as error:
        if known.good is None:
            raise
        if known.told != newest.version:
            alerts.publish(message.perimeter_refused(name, newest.version, str(error), known.good.version))
            kept.note_told(newest.version)
        return InForce(perimeter.load(known.good.text), str(known.good.version))
    if known.good != newest:
        kept.keep(newest)
    return InForce(file, str(newest.version))
