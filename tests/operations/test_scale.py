"""The arithmetic of docs/scale.md is right."""

import re
from fractions import Fraction

import pytest

from local.embedded import REPOSITORY

PAGE = (REPOSITORY / "docs" / "scale.md").read_text()
TIMES = "\N{MULTIPLICATION SIGN}"
SUMS = re.findall(rf"`([^`]*[{TIMES}÷+][^`]*) = ([\d,.]+)`", PAGE)
OPERATIONS = {TIMES: "*", "%": "/100", "÷": "/", "+": "+", "-": "-", "(": "(", ")": ")"}


def value(term: str) -> Fraction:
    """What a sum comes to, exactly."""
    tokens = re.findall(rf"[\d,.]+|[{TIMES}%÷+()-]", term)
    assert "".join(tokens) == term.replace(" ", ""), term
    python = "".join(OPERATIONS.get(token) or f"Fraction('{token.replace(',', '')}')" for token in tokens)
    return Fraction(eval(python, {"Fraction": Fraction}))  # noqa: S307 - only numbers and signs, as checked above


@pytest.mark.parametrize(("term", "result"), SUMS)
def test_each_sum_comes_to_what_is_said(term: str, result: str) -> None:
    """To the last digit that is printed."""
    digits = len(result.partition(".")[2])

    assert round(value(term), digits) == Fraction(result.replace(",", ""))


def test_there_are_sums() -> None:
    """The page has them in the form that is looked for."""
    assert len(SUMS) > 20
