"""The timetables of the pages, computed again by the gateway's own judgement."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.factories import make_case, make_facts, make_rules, make_standing
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.capacity import Release, available, category_places, place_at
from tidegate.policy.decide import judge, terms_of
from tidegate.policy.rules import Hold
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Queue, Reject, Send

DOCS = Path(__file__).parents[1] / "docs"
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
CODE, UPDATE, CAMPAIGN = Category.AUTHENTICATION, Category.UTILITY, Category.MARKETING


def at_ms(time: str) -> int:
    """`Mon 09:05` as ms since Monday's midnight."""
    day, _, clock = time.partition(" ")
    hours, _, minutes = clock.partition(":")
    return ["Mon", "Tue"].index(day) * DAY_MS + int(hours) * HOUR_MS + int(minutes) * 60_000


def written(ms: int) -> str:
    return f"{['Mon', 'Tue'][ms // DAY_MS]} {ms % DAY_MS // HOUR_MS:02}:{ms % HOUR_MS // 60_000:02}"


@dataclass
class Portfolio:
    """A book of one portfolio: who holds a place until when, whose window is open, and what waits."""

    standing: Standing
    places: dict[str, int] = field(default_factory=dict)
    open_until: dict[str, int] = field(default_factory=dict)
    waiting: list[tuple[str, Category]] = field(default_factory=list)

    def ask(self, user: str, category: Category, now_ms: int) -> str:
        """Judge a template to a user as the gateway does, and book it: the answer in the words of the table."""
        rules = self.standing.rules
        hold = rules.hold.of(category) is Hold.QUEUE
        case = make_case(category=category, hold=hold, expires_at_ms=now_ms + 3 * DAY_MS)
        terms = terms_of(case, self.standing, rules, now_ms)
        curve = [Release(end, number) for end, number in sorted(Counter(self.places.values()).items())]
        bound = category_places(self.standing.limit, category, rules)
        facts = make_facts(
            now_ms=now_ms,
            used=len(self.places),
            counted=user in self.places,
            window_ends_ms=self.open_until.get(user, 0),
            place_at_ms=place_at(curve, len(self.places), bound),
        )
        verdict = judge(case, terms, facts, rules)
        match verdict:
            case Send():
                if self.open_until.get(user, 0) <= now_ms:
                    self.places[user] = now_ms + DAY_MS
                return "send"
            case Queue():
                if (user, category) not in self.waiting:
                    self.waiting.append((user, category))
                return f"queue: `{verdict.reason.value}` until {written(verdict.until_ms or 0)}"
            case Reject():
                return f"reject: `{verdict.reason.value}` until {written(verdict.until_ms or 0)}"
            case _:
                raise AssertionError(verdict)

    def pass_time(self, now_ms: int) -> list[str]:
        """Free what has ended, and let go what waits and may: the answers of those."""
        self.places = {user: end for user, end in self.places.items() if end > now_ms}
        tried, self.waiting = self.waiting, []
        answers = [self.ask(user, category, now_ms) for user, category in tried]
        return [answer for answer in answers if answer == "send"]


def told(answers: list[str], freed: list[str]) -> str:
    grouped = Counter(answers)
    parts = [f"{number} x {answer}" for answer, number in grouped.items()]
    return ", ".join(parts + [f"{len(freed)} x send, out of the queue"] * bool(freed))


def table(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    lines = (DOCS / page).read_text().partition(heading)[2].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("| time "))
    body = lines[first + 2 :]
    end = next(number for number, line in enumerate(body) if not line.startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body[:end]]


def users(first: int, last: int) -> list[str]:
    return [f"user {number}" for number in range(first, last + 1)]


#: Time, what is asked for, whose window opens.
CONCEPTS: list[tuple[str, list[str], Category | None, str]] = [
    ("Mon 08:00", users(1, 14), CAMPAIGN, ""),
    ("Mon 09:00", users(1, 2), UPDATE, ""),
    ("Mon 10:00", users(15, 17), CAMPAIGN, ""),
    ("Mon 11:00", users(18, 19), UPDATE, ""),
    ("Mon 12:00", users(20, 20), UPDATE, ""),
    ("Mon 12:05", users(21, 21), CODE, ""),
    ("Mon 12:10", users(22, 22), CODE, ""),
    ("Mon 13:00", [], None, "user 20"),
    ("Tue 08:00", [], None, ""),
    ("Tue 09:00", [], None, ""),
]


def test_the_timetable_of_the_concepts_is_what_the_gateway_decides() -> None:
    portfolio = Portfolio(make_standing(limit=20))
    rules = portfolio.standing.rules
    computed = []
    for time, asked, category, writes_in in CONCEPTS:
        now_ms = at_ms(time)
        if writes_in:
            portfolio.open_until[writes_in] = now_ms + DAY_MS
        freed = portfolio.pass_time(now_ms)
        answers = [portfolio.ask(user, category, now_ms) for user in asked] if category is not None else []
        free = available(20, len(portfolio.places), rules)
        figures = [str(free[each]) for each in (CODE, UPDATE, CAMPAIGN)]
        computed.append([time, told(answers, freed), str(len(portfolio.places)), *figures])

    page = table("concepts.md", "## A worked timetable")

    assert [[row[0], *row[2:]] for row in page] == computed


#: Of the page of guardrails: time, whom a template goes to, whose window opens.
GUARDRAIL = [
    ("Mon 09:00", "Ann", ""),
    ("Mon 10:00", "Bob", ""),
    ("Mon 11:00", "Cem", ""),
    ("Mon 12:00", "Dora", ""),
    ("Mon 13:00", "Eve", ""),
    ("Mon 14:00", "Ann", ""),
    ("Mon 15:00", "", "Eve"),
    ("Mon 16:00", "Finn", ""),
    ("Mon 17:00", "", ""),
    ("Tue 09:00", "", ""),
    ("Tue 10:00", "", ""),
]


def test_the_timetable_of_the_limit_is_what_the_gateway_decides() -> None:
    rules = make_rules(headroom=0, reserve={"authentication": 0, "utility": 0})
    portfolio = Portfolio(replace(make_standing(limit=4), rules=rules))
    computed = []
    for time, asked, writes_in in GUARDRAIL:
        now_ms = at_ms(time)
        if writes_in:
            portfolio.open_until[writes_in] = now_ms + DAY_MS
        portfolio.pass_time(now_ms)
        answer = portfolio.ask(asked, CAMPAIGN, now_ms) if asked else ""
        computed.append([time, answer.replace(": `messaging_limit`", ","), str(len(portfolio.places))])

    page = table("guardrails.md", "**A worked timetable.**")

    # A free-form reply asks for no place: what is answered to it is the affair of another guardrail.
    assert [[row[0], "" if "free-form" in row[1] else row[2], row[3]] for row in page] == computed


@pytest.mark.parametrize("time", [row[0] for row in CONCEPTS])
def test_a_time_reads_as_it_is_written(time: str) -> None:
    assert written(at_ms(time)) == time
