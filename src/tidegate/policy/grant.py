"""What one app may send, beside the numbers that it may use: kinds of messages, templates, pace, new recipients."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from tidegate.cloudapi.vocabulary import Category

#: What a free-form message is called where categories are named.
SERVICE: Final = "service"


@dataclass(frozen=True, slots=True)
class Grant:
    """One app's; None in a field: no bound.

    `categories`: by their names, SERVICE among them. `templates`: patterns of names (`*`, `?`, `[…]`), in which case
    counts. `throughput_share`: of each number's messages per second, in (0, 1]. `limit_share`: of the places of each
    portfolio's messaging limit that are not headroom, in (0, 1].
    """

    app: str
    categories: frozenset[str] | None = None
    templates: tuple[str, ...] | None = None
    throughput_share: float | None = None
    limit_share: float | None = None

    def refusal(self, category: Category | None, template: str | None) -> str | None:
        """Why the app may not send this; None when it may."""
        kind = category.value if category is not None else SERVICE
        if self.categories is not None and kind not in self.categories:
            return f"the app {self.app} may not send {kind} messages"
        if template is None or self.templates is None:
            return None
        if not any(fnmatchcase(template, pattern) for pattern in self.templates):
            return f"the app {self.app} may not send the template {template}"
        return None
