"""A send between its request and its verdict."""

from __future__ import annotations

import hashlib

from msgspec import Struct

from tidegate.cloudapi.messages import Request
from tidegate.cloudapi.vocabulary import Category
from tidegate.edge import denials
from tidegate.edge.denials import Denial
from tidegate.edge.graph.send_options import SendOptions
from tidegate.edge.graph.senders import Sender, SendKind
from tidegate.gateway import Claim, Message
from tidegate.policy.rules import Hold
from tidegate.policy.standing import Standing


class Draft(Struct, gc=False):
    """A send that was read from a request and has not been judged; never changed. `raw`: its body, as it came.

    Most sends need none: they are judged at once.
    """

    sender: Sender
    request: Request
    options: SendOptions
    raw_path: str
    raw: bytes

    @property
    def fingerprint(self) -> str:
        """Of method, path and body (hex): tells two requests with one Idempotency-Key apart."""
        return hashlib.sha256(b"POST %b\n%b" % (self.raw_path.partition("?")[0].encode(), self.raw)).hexdigest()

    def __repr__(self) -> str:
        return f"Draft({self.options!r})"


def to_message(draft: Draft, message_id: str, standing: Standing, now_ms: int) -> Message:
    """The gateway's message, received at `now_ms`. Raises Denial for options that contradict it."""
    sender, request, options = draft.sender, draft.request, draft.options
    kind = sender.kind_of(request, options, standing)
    return message_of(sender, request, options, draft.raw_path, message_id, kind, now_ms)


def message_of(
    sender: Sender,
    request: Request,
    options: SendOptions,
    raw_path: str,
    message_id: str,
    kind: SendKind,
    now_ms: int,
    claim: Claim | None = None,
) -> Message:
    """The same of what is of this kind. `claim`: that it is the first such message, found out as it is admitted."""
    not_before_ms, deadline_ms = options.not_before_ms, options.expires_at_ms
    is_ours = False
    if not_before_ms > now_ms:
        _refuse_bad_start(kind.category, options)
        if deadline_ms is None:
            # Who may start later may also wait for as long, from then on.
            deadline_ms = not_before_ms + kind.wait_ms
    elif deadline_ms is None:
        deadline_ms, is_ours = now_ms + kind.wait_ms, True
    # By their places: named one by one they take twice the time.
    return Message(
        message_id,
        sender.name,
        sender.route,
        request,
        raw_path,
        deadline_ms,
        kind.category,
        kind.holds,
        not_before_ms,
        options.campaign,
        options.headers,
        is_ours,
        kind.delivery,
        sender.is_told,
        claim,
        kind,
    )


def _refuse_bad_start(category: Category | None, options: SendOptions) -> None:
    if category is None:
        raise _bad_start("is for templates: a free-form message is never kept")
    if options.wishes.hold is Hold.REJECT:
        raise _bad_start("asks to keep what Tidegate-Hold: reject asks not to keep")


def _bad_start(rule: str) -> Denial:
    return Denial(denials.Kind.BAD_REQUEST, f"header Tidegate-Not-Before: {rule}")
