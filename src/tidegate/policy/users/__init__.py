"""What is known of one user: what they want, what keeps them from being written to, and under what names they go."""

from tidegate.policy.users.effects import after_effects
from tidegate.policy.users.links import Link, Name, is_as_sent_to, links_of, links_of_answer, spellings
from tidegate.policy.users.record import expires_at_ms, may_be_held, read_user, write_user
from tidegate.policy.users.sends import concerns, given_back, objection_for, probes, sent
from tidegate.policy.users.user import EMPTY, REFUSABLE, User, Word

__all__ = [
    "EMPTY",
    "REFUSABLE",
    "Link",
    "Name",
    "User",
    "Word",
    "after_effects",
    "concerns",
    "expires_at_ms",
    "given_back",
    "is_as_sent_to",
    "links_of",
    "links_of_answer",
    "may_be_held",
    "objection_for",
    "probes",
    "read_user",
    "sent",
    "spellings",
    "write_user",
]
