"""The table of pages, in the order of the navigation."""

from __future__ import annotations

from typing import Final

from tidegate.edge.dashboard import (
    audit,
    campaign,
    campaigns,
    feed,
    history,
    kpis,
    message_templates,
    messages,
    number,
    numbers,
    overview,
    portfolio,
)
from tidegate.edge.dashboard.page import Page

PAGES: Final = (
    Page("", "overview.html", overview.gather, nav="Overview"),
    # What comes free when changes with each send: drawn seldom, it costs a busy node nothing that counts.
    Page("/portfolios/{portfolio}", "portfolio.html", portfolio.gather, every_s=30.0),
    Page("/numbers", "numbers.html", numbers.gather, nav="Numbers", every_s=2.0),
    Page("/numbers/{number}", "number.html", number.gather, every_s=10.0),
    Page("/templates", "message_templates.html", message_templates.gather, nav="Templates", every_s=15.0),
    Page("/campaigns", "campaigns.html", campaigns.gather, nav="Campaigns", every_s=5.0),
    Page("/campaigns/{campaign}", "campaign.html", campaign.gather, every_s=2.0),
    Page("/messages", "messages.html", messages.gather, nav="Messages"),
    Page("/feed", "feed.html", feed.gather, nav="Live feed", has_feed=True),
    Page("/kpis", "kpis.html", kpis.gather, nav="KPIs"),
    Page("/history", "history.html", history.gather, nav="History"),
    Page("/audit", "audit.html", audit.gather, nav="Audit"),
)
