"""Everything that is stopped now, the worst first: what, why, since and until when, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tidegate.edge.dashboard.gate_words import gate_found
from tidegate.edge.dashboard.scopes import WIDTH, scope_in_words
from tidegate.edge.dashboard.tones import BAD, WARN
from tidegate.edge.times import write_time
from tidegate.policy.breaker import State
from tidegate.policy.campaign.phase import Phase
from tidegate.policy.campaign.run import Run
from tidegate.policy.consequences.remedies import OF_A_GATE, remedy
from tidegate.policy.consequences.worded import in_words
from tidegate.policy.reach import Action
from tidegate.store.campaigns import CampaignRecord


@dataclass(frozen=True, slots=True)
class Stop:
    """One cause of a stop. Times are RFC 3339; `until` None: until what `ends` says.

    `subject`: the kind and name of what is stopped, and `of` the same in words. `covers`: which of its sends. `code`:
    the signal and the rule behind the cause. `tone`: bad for what stops, warn for what only slows down or is only told.
    `action`: the form that ends it, below `/dashboard`, with `fields` in it; None: nothing here does. `verb`: the name
    of its button. `link`: the page that tells more, below `/dashboard`.
    """

    key: str
    subject: tuple[str, str]
    of: str
    covers: str
    kind: str
    cause: str
    remedy: str
    since: str | None = None
    until: str | None = None
    ends: str = "somebody ends it"
    code: str = ""
    by: str = ""
    tone: str = BAD
    action: str | None = None
    verb: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    link: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is stopped, with all causes, the worst first: it goes on when the last of those that stop has ended."""

    name: str
    stops: tuple[Stop, ...]

    @property
    def tone(self) -> str:
        """Of the worst cause."""
        return self.stops[0].tone

    @property
    def kind(self) -> str:
        """How it is stopped, by the worst cause."""
        return self.stops[0].kind

    @property
    def last(self) -> Stop:
        """Of the worst causes the one that ends last."""
        return max(self._worst, key=lambda stop: (stop.until is None, stop.until or ""))

    @property
    def remedies(self) -> tuple[str, ...]:
        """What to do about the worst causes, each thing once."""
        return tuple(dict.fromkeys(stop.remedy for stop in self._worst))

    @property
    def _worst(self) -> list[Stop]:
        return [stop for stop in self.stops if stop.tone == self.tone]


_RANK: Final = {BAD: 0, WARN: 1}


def by_subject(stops: Iterable[Stop]) -> list[Subject]:
    """The stops by what is stopped, the worst first, and of these the widest."""
    found: dict[tuple[str, str], list[Stop]] = {}
    for stop in stops:
        found.setdefault(stop.subject, []).append(stop)
    subjects = [Subject(each[0].of, tuple(sorted(each, key=_rank))) for each in found.values()]
    return sorted(subjects, key=lambda subject: (_RANK[subject.tone], WIDTH[subject.stops[0].subject[0]]))


def _rank(stop: Stop) -> int:
    return _RANK[stop.tone]


def of_pauses(pauses: Iterable[Mapping[str, Any]]) -> list[Stop]:
    """Stops by hand, as `GET /pauses` tells them."""
    return [
        Stop(
            f"pause-{pause['id']}",
            _subject(pause["scope"]),
            scope_in_words(pause["scope"]),
            "All sends",
            "paused by hand",
            pause["reason"],
            f"Ask {pause['by']}, then resume it."
            if pause["until"] is None
            else f"It ends by itself; ask {pause['by']} before you resume it sooner.",
            pause["since"],
            pause["until"],
            "somebody resumes it",
            by=pause["by"],
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
    scope = next(iter(breaker["scope"]))
    return Stop(
        f"breaker-{breaker['id']}",
        _subject(breaker["scope"]),
        scope_in_words(breaker["scope"]),
        f"{covers[0].upper()}{covers[1:]}",
        "would be stopped (the rule only tells)" if shadow else _words(breaker),
        _capital(in_words(breaker["cause"])),
        remedy(breaker["rule"], scope, breaker["reason"]),
        breaker["since"],
        breaker["until"],
        _end(breaker),
        f"{breaker['cause']}, rule {breaker['rule']}",
        tone=BAD if stops else WARN,
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
                ("portfolio", portfolio["id"]),
                f"portfolio {portfolio['id']}",
                "Sends that count against its limit",
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
        ("campaign", campaign.campaign_id),
        f"campaign {campaign.name or campaign.campaign_id}",
        "All sends",
        "halted by its gate" if halted else "paused",
        run.reason or _capital(gate_found(run.evidence)),
        OF_A_GATE if halted else "Resume it when the reason is over.",
        write_time(run.since_ms) if run.since_ms else None,
        ends="somebody resumes or cancels it",
        by=run.by,
        tone=BAD if halted else WARN,
        link=f"/campaigns/{campaign.campaign_id}",
    )


def of_the_store(portfolio: str) -> Stop:
    """The store does not answer for a portfolio."""
    return Stop(
        f"store-{portfolio}",
        ("portfolio", portfolio),
        f"portfolio {portfolio}",
        "Sends that need the store",
        "the store is unreachable",
        "This node gets no answer from the store: what needs it is answered 503; login codes and replies go on for as "
        "long as what was leased for that lasts.",
        "Look after the store: is its process up, its disk full, the network whole? The gateway goes on by itself.",
        ends="the store answers",
    )


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


def _end(breaker: Mapping[str, Any]) -> str:
    """What ends a breaker that has no time for it."""
    if breaker["state"] == State.HALF_OPEN.value:
        return "enough tries went well"
    if breaker["action"] == Action.THROTTLE.value:
        return "all of the pace is back"
    return "Meta says that it is over, or somebody closes it"


def _words(breaker: Mapping[str, Any]) -> str:
    if breaker["state"] == State.HALF_OPEN.value:
        return "tried one by one"
    if breaker["share"] is not None:
        return f"slowed down to {breaker['share']:.0%}"
    action = str(breaker["action"])
    return {"hold": "held", "stop": "stopped"}.get(action, action.replace("_", " "))


def _subject(scope: Mapping[str, str]) -> tuple[str, str]:
    ((kind, value),) = scope.items()
    return kind, value
