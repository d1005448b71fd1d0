"""The way of a send: look, decide, admit, post, settle. Direct and queued sends take the same one."""

from tidegate.gateway.answered import Answered, Explanation, Forwarded, Gone, Held, Refused, Unavailable
from tidegate.gateway.claims import Claim, Unclaimed
from tidegate.gateway.gateway import Gateway
from tidegate.gateway.line import START_BY_MS
from tidegate.gateway.message import Message, Route
from tidegate.gateway.offline import Offline
from tidegate.gateway.settling import until_stored

__all__ = [
    "START_BY_MS",
    "Answered",
    "Claim",
    "Explanation",
    "Forwarded",
    "Gateway",
    "Gone",
    "Held",
    "Message",
    "Offline",
    "Refused",
    "Route",
    "Unavailable",
    "Unclaimed",
    "until_stored",
]
