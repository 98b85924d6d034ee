"""The report on a fleet: one HTML file that needs no network."""

from kms_perimeter.report.page import render

__all__ = ["render"]
