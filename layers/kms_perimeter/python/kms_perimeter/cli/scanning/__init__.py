"""Scanning: every key of some Regions is read and judged, and none is changed."""
