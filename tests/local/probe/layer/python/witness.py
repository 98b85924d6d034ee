"""Lies in the layer, to show that functions import from it."""

GREETING = "from the layer"
