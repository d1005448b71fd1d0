"""Everything that is stopped now, the worst first: what, why, since and until when, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tidegate.edge.dashboard.remedies import remedy
from tidegate.edge.times import write_time
from tidegate.policy.breaker import State
from tidegate.policy.campaign.phase import Phase
from tidegate.policy.campaign.run import Run
from tidegate.policy.verdict import Reason
from tidegate.store.campaigns import CampaignRecord


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop. Times are RFC 3339; `until` None: until somebody or something ends it.

    `tone`: bad for what stops, warn for what only slows down or is only told. `action`: the form that ends it, below
    `/dashboard`, with `fields` in it; None: nothing here does. `verb`: the name of its button. `link`: the page that
    tells more, below `/dashboard`.
    """

    key: str
    what: str
    kind: str
    cause: str
    remedy: str
    since: str | None = None
    until: str | None = None
    by: str = ""
    tone: str = "bad"
    action: str | None = None
    verb: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    link: str = ""


_SCOPES: Final = {
    "number": "number",
    "template": "template",
    "category": "category",
    "campaign": "campaign",
    "portfolio": "portfolio",
    "waba": "account",
    "token": "access token of account",
}


def of_pauses(pauses: Iterable[Mapping[str, Any]]) -> list[Stop]:
    """Stops by hand, as `GET /pauses` tells them."""
    return [
        Stop(
            f"pause-{pause['id']}",
            f"All sends of {_scope(pause['scope'])}",
            "paused by hand",
            pause["reason"],
            f"Ask {pause['by']}, then resume it."
            if pause["until"] is None
            else f"It ends by itself; ask {pause['by']} before you resume it sooner.",
            pause["since"],
            pause["until"],
            pause["by"],
            action=f"/pauses/{pause['id']}/end",
            verb="Resume",
        )
        for pause in pauses
    ]


def of_breakers(breakers: Iterable[Mapping[str, Any]]) -> list[Stop]:
    """Breakers that are not closed, as `GET /standing` tells them."""
    return [_of_breaker(breaker) for breaker in breakers]


def _of_breaker(breaker: Mapping[str, Any]) -> Stop:
    shadow = breaker["mode"] != "enforce"
    stops = breaker["state"] == State.OPEN.value and breaker["share"] is None and not shadow
    covers = "All sends" if breaker["covers"] == "everything" else f"{breaker['covers']} sends".replace("_", " ")
    words = "would be stopped (the rule only tells)" if shadow else _words(breaker)
    return Stop(
        f"breaker-{breaker['id']}",
        f"{covers[0].upper()}{covers[1:]} of {_scope(breaker['scope'])}",
        words,
        f"{breaker['cause']} (rule {breaker['rule']})",
        remedy(breaker["reason"]),
        breaker["since"],
        breaker["until"],
        tone="bad" if stops else "warn",
        action="/breakers/close",
        verb="Close the breaker",
        fields={"id": breaker["id"]},
    )


def of_books(portfolios: Iterable[Mapping[str, Any]]) -> list[Stop]:
    """Portfolios whose books may miss something, as `GET /standing` tells them."""
    found = []
    for portfolio in portfolios:
        books = portfolio["books"]
        if books["whole"]:
            continue
        waited_for = ", ".join(books["waiting_for"]) or "no node by name"
        found.append(
            Stop(
                f"books-{portfolio['id']}",
                f"Sends of {portfolio['id']} that count against its limit",
                "the books are held",
                f"The store has lost what was written; waited for: {waited_for}.",
                "Start the nodes that are waited for, with their journals. Take the books as they are only when you "
                "know that nothing was sent that they miss.",
                until=books["held_until"],
                action="/books/accept",
                verb="Take the books as they are",
                fields={"portfolio": portfolio["id"]},
            )
        )
    return found


def of_campaign(record: CampaignRecord) -> Stop | None:
    """A campaign that stands still: halted by a gate, or paused by somebody. None for any other."""
    campaign, run = record.campaign, Run.from_json(record.progress)
    if run.phase not in (Phase.PAUSED, Phase.HALTED):
        return None
    halted = run.phase is Phase.HALTED
    return Stop(
        f"campaign-{campaign.campaign_id}",
        f"Campaign {campaign.name or campaign.campaign_id}",
        "halted by its gate" if halted else "paused",
        run.reason or "The results of a step are not what its gate asks for.",
        remedy(Reason.CAMPAIGN_HALTED) if halted else "Resume it when the reason is over.",
        write_time(run.since_ms) if run.since_ms else None,
        by=run.by,
        tone="bad" if halted else "warn",
        link=f"/campaigns/{campaign.campaign_id}",
    )


def of_the_store(portfolio: str) -> Stop:
    """The store does not answer for a portfolio."""
    return Stop(
        f"store-{portfolio}",
        f"Sends of {portfolio}",
        "the store is unreachable",
        "This node gets no answer from the store: what needs it is answered 503; login codes and replies go on for as "
        "long as what was leased for that lasts.",
        "Look after the store: is its process up, its disk full, the network whole? The gateway goes on by itself.",
    )


def _words(breaker: Mapping[str, Any]) -> str:
    if breaker["state"] == State.HALF_OPEN.value:
        return "tried one by one"
    if breaker["share"] is not None:
        return f"slowed down to {breaker['share']:.0%}"
    action = str(breaker["action"])
    return {"hold": "held", "stop": "stopped"}.get(action, action.replace("_", " "))


def _scope(scope: Mapping[str, str]) -> str:
    ((kind, value),) = scope.items()
    # A breaker's value names whose it is too; a pause has the name alone.
    match kind, value.split(":", 2):
        case "template", [account, language, name]:
            return f"template {name} ({language}) of account {account}"
        case "category", [number, category]:
            return f"category {category} of number {number}"
        case _:
            return f"{_SCOPES.get(kind, kind)} {value}"
