"""The table of many runs: profile of faults -> runs -> what was wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tests.deterministic.run import Result

_HEAD = ("faults", "runs", "messages", "over limit", "duplicates", "lost", "unresolved", "violations", "crashes")


def rows(results: Iterable[Result]) -> list[tuple[str, ...]]:
    """One row a profile, and their sum."""
    by_profile: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_profile[result.profile].append(result)
    if len(by_profile) > 1:
        by_profile["all"] = [result for some in list(by_profile.values()) for result in some]
    return [_row(profile, found) for profile, found in by_profile.items()]


def _row(profile: str, results: list[Result]) -> tuple[str, ...]:
    sums = (
        len(results),
        sum(result.taken for result in results),
        sum(result.over_limit for result in results),
        sum(result.duplicates for result in results),
        sum(result.lost for result in results),
        sum(result.unresolved for result in results),
        sum(len(result.violations) for result in results),
        sum(len(result.crashes) for result in results),
    )
    return profile, *map(str, sums)


def as_text(results: Iterable[Result]) -> str:
    """The table as aligned text."""
    lines = [_HEAD, *rows(results)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEAD))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
