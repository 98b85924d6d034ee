"""Where each verdict and each advisory is explained: a page of its own under docs/.

The repository is published wherever its owner keeps it, so the address of docs/ is a setting: the parameter `DocsUrl`
of the template, and the variable `KMS_PERIMETER_DOCS_URL` of the command line. Without it, a page is named by its path
in the repository, as the runbooks of the alarms are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kms_perimeter.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kms_perimeter.verdict import Advisory, Code, Verdict


def of_outcome(outcome: Outcome, docs: str) -> str:
    """The page of a verdict: its address below `docs`, or its path in the repository where that is empty."""
    return _at(docs, f"verdicts/{outcome.value}.md")


def of_advisory(code: Code, docs: str) -> str:
    """The page of an advisory; `docs` as in `of_outcome`."""
    return _at(docs, f"advisories/{code.value}.md")


def most_relevant(verdict: Verdict, advisories: Iterable[Advisory], docs: str) -> str:
    """The page to read on at: that of the verdict, or, where that is good, of the first advisory."""
    first = next(iter(advisories), None)
    if verdict.outcome is Outcome.ENCLOSED and first:
        return of_advisory(first.code, docs)
    return of_outcome(verdict.outcome, docs)


def led_to(page: str, docs: str) -> str:
    """How a message leads to a page: by its address, or by the command that prints it and its path."""
    word = page.rpartition("/")[2].removesuffix(".md")
    return page if docs else f"`kms-perimeter explain {word}` or {page}"


def _at(docs: str, page: str) -> str:
    return f"{docs.rstrip('/') or 'docs'}/{page}"
