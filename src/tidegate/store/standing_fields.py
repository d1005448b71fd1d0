"""What the fields of a portfolio say, as they are kept: of several that tell of one thing the latest is believed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import orjson

from tidegate.cloudapi.vocabulary import Category, NumberStatus, Quality, Review, TemplateStatus, Verification
from tidegate.policy.breaker import Board, from_json
from tidegate.policy.standing import (
    AccountStanding,
    CampaignStanding,
    NumberStanding,
    Pause,
    Standing,
    TemplateStanding,
)
from tidegate.policy.warming import Warming

#: Of two that speak in the same millisecond the later one here is believed, as `restand` does.
_SOURCES: Final = ("webhook", "graph", "operator")


def board_of(stored: Mapping[Any, Any]) -> tuple[Board, dict[str, int]]:
    """The breakers, and how often each was written."""
    breakers, revisions = [], {}
    for key, text in stored.items():
        revision, record = bytes(text).split(b" ", 1)
        revisions[bytes(key).decode()] = int(revision)
        with contextlib.suppress(ValueError):
            # One that can't be placed may be a newer version's: it is let be.
            breakers.append(from_json(orjson.loads(record)))
    return Board(breakers), revisions


def merged(configured: Standing, epoch: int, stored: Mapping[Any, Any]) -> Standing:
    """What is configured, overridden field by field by what is believed."""
    latest = _latest(stored)
    standing = replace(configured, epoch=epoch)
    numbers, templates, pauses = dict(standing.numbers), dict(standing.templates), []
    warmings: dict[str, Warming] = {}
    wallets: dict[str, int] = {}
    campaigns: dict[str, CampaignStanding] = {}
    accounts: dict[str, AccountStanding] = {}
    for (record, name), (since, rank, became_true, value) in latest.items():
        kind, _, key = record.partition(":")
        if kind == "limit":
            standing = replace(standing, limit=value, limit_source=_SOURCES[rank], limit_changed_at_ms=since)
        elif kind == "number":
            number = numbers.get(key) or NumberStanding(key)
            changed_at_ms = max(number.changed_at_ms, since)
            numbers[key] = replace(number, changed_at_ms=changed_at_ms, **_field(_NUMBER, name, value))
        elif kind == "template":
            waba, language, template_name = key.split(":", 2)
            template = templates.get((waba, template_name, language)) or TemplateStanding(waba, template_name, language)
            changed_at_ms = max(template.changed_at_ms, since)
            template = replace(template, changed_at_ms=changed_at_ms, **_field(_TEMPLATE, name, value))
            templates[template.key] = template
        elif kind == "pause" and value is not None:
            pauses.append(Pause(key, since_ms=became_true, **{name: value[name] for name in _PAUSE}))
        elif kind == "warming":
            with contextlib.suppress(KeyError, ValueError):
                # Of a newer version: without it the warm-up is at its first day, the careful one.
                warmings[key] = Warming.from_json(value)
        elif kind == "account":
            account = accounts.get(key) or AccountStanding(key)
            changed_at_ms = max(account.changed_at_ms, since)
            accounts[key] = replace(account, changed_at_ms=changed_at_ms, **_field(_ACCOUNT, name, value))
        elif kind == "wallet":
            wallets[key] = value
        elif kind == "campaign" and value is not None:
            campaigns[key] = _campaign(key, value)
    return replace(
        standing,
        numbers=numbers,
        templates=templates,
        pauses=tuple(pauses),
        warmings=warmings,
        wallets=wallets,
        campaigns=campaigns,
        accounts=accounts,
    )


def _campaign(campaign_id: str, value: Mapping[str, Any]) -> CampaignStanding:
    night = value.get("night")
    return CampaignStanding(
        campaign_id,
        value["state"],
        value["stopped"],
        (int(night[0]), int(night[1])) if night else None,
        value.get("deadline_ms", 0),
        value.get("app", ""),
    )


def _latest(stored: Mapping[Any, Any]) -> dict[tuple[str, str], tuple[int, int, int, Any]]:
    """Of each record's field what is believed: (since when, rank of the source, when it became true there, value)."""
    latest: dict[tuple[str, str], tuple[int, int, int, Any]] = {}
    for key, text in stored.items():
        record, _, field = bytes(key).decode().rpartition("|")
        if record == "rules":
            continue  # RulesReader reads them: they may be what this release can't read
        name, _, source = field.partition("@")
        if source not in _SOURCES:
            continue  # a newer version's: what it says is heard by that version's nodes
        became_true, since, content = bytes(text).split(b" ", 2)
        entry = (int(since), _SOURCES.index(source), int(became_true), orjson.loads(content))
        if (record, name) not in latest or entry[:2] >= latest[record, name][:2]:
            latest[record, name] = entry
    return latest


def _field(fields: Mapping[str, tuple[Any, Any]], name: str, value: Any) -> dict[str, Any]:
    """One field of a record; none where only a newer version knows it."""
    if name not in fields:
        return {}
    read, untold = fields[name]
    try:
        return {name: read(value)}
    except ValueError:
        return {name: untold}


#: How each field is read, and what a word that a newer version has added reads as: what lets nothing through.
_NUMBER: Final[dict[str, tuple[Any, Any]]] = {
    "throughput": (int, 1),
    "quality": (Quality, Quality.UNKNOWN),
    "status": (NumberStatus, NumberStatus.UNKNOWN),
}
_TEMPLATE: Final[dict[str, tuple[Any, Any]]] = {
    "category": (Category, Category.MARKETING),
    "status": (TemplateStatus, TemplateStatus.PAUSED),
    "quality": (Quality, Quality.UNKNOWN),
    "template_id": (str, None),
}
_ACCOUNT: Final[dict[str, tuple[Any, Any]]] = {
    "review": (Review, Review.UNKNOWN),
    "verification": (Verification, Verification.UNKNOWN),
}
_PAUSE: Final = ("scope", "value", "reason", "until_ms", "by")
