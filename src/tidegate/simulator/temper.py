"""What a user thinks of a template: hidden from the business, and the same whenever it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tidegate.simulator.chance import Chance, stream_of
from tidegate.simulator.estate import Template
from tidegate.simulator.identity import User
from tidegate.simulator.platform import Platform


@dataclass(frozen=True, slots=True)
class Temper:
    """Whether a user blocks or reports the sender, or stops the marketing; `in_words` by writing STOP."""

    blocks: bool = False
    stops: bool = False
    in_words: bool = False
    delay_ms: int = 0


_CALM: Final = Temper()


def temper_of(platform: Platform, user: User, template: Template) -> Temper:
    """Say how a user takes a template that he is sent outside a window."""
    rules = platform.behaviour.reactions
    if rules.quiet:
        return _CALM
    chance = Chance(platform.seed, stream_of("temper", user.key, template.name))
    averse = Chance(platform.seed, stream_of("averse", user.key)).hits(rules.averse_share)
    blocks = chance.hits(rules.blocks(template.name)) or averse
    stops, in_words = chance.hits(rules.stop_share), chance.hits(rules.stop_in_words_share)
    if not blocks and not (stops and template.category == "MARKETING"):
        return _CALM
    return Temper(blocks, not blocks, in_words, rules.delay.ms(chance()))
