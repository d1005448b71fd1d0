"""The table of pages, in the order of the navigation."""

from __future__ import annotations

from typing import Final

from tidegate.edge.dashboard import overview
from tidegate.edge.dashboard.page import Page

PAGES: Final = (Page("", "overview.html", overview.gather, nav="Overview"),)
