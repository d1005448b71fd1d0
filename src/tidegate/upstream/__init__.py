"""The Cloud API's client: one POST, one outcome, and no doubt about whether a byte was written."""

from tidegate.upstream.client import Upstream
from tidegate.upstream.headers import Wanted
from tidegate.upstream.outcomes import MAX_ANSWER, NotSent, Outcome, Response, Unknown

__all__ = ["MAX_ANSWER", "NotSent", "Outcome", "Response", "Unknown", "Upstream", "Wanted"]
