"""The rows of the route table of the control plane, but for campaigns and webhooks."""

from __future__ import annotations

from typing import Final

from tidegate.edge.control.app_keys import list_keys, make_key, revoke_key
from tidegate.edge.control.audit import read_audit
from tidegate.edge.control.books import accept_books
from tidegate.edge.control.breakers import close_breaker
from tidegate.edge.control.capacity import capacity
from tidegate.edge.control.clock import advance_clock, read_clock
from tidegate.edge.control.consent import erase_recipient, read_recipient, write_consent
from tidegate.edge.control.decide import decide
from tidegate.edge.control.events import KINDS, VERDICTS, read_events
from tidegate.edge.control.health import number_health
from tidegate.edge.control.kpis import read_kpis
from tidegate.edge.control.messages import cancel_message, read_message
from tidegate.edge.control.pauses import end_pause, list_pauses, start_pause
from tidegate.edge.control.quality import read_quality
from tidegate.edge.control.queue import read_queue
from tidegate.edge.control.rules import read_rules_in_force, replace_rules
from tidegate.edge.control.standing import read_standing
from tidegate.edge.control.wallets import read_wallet, top_up
from tidegate.edge.shapes import TEXT, words
from tidegate.edge.table.endpoint import Endpoint, Parameter
from tidegate.edge.table.graph import WISHES
from tidegate.policy.kpi import By
from tidegate.settings.tables import Scope

_READ: Final = (Scope.READ,)
_ADMIN: Final = (Scope.ADMIN,)
#: Who may stop, and not open again.
_STOP: Final = (Scope.ADMIN, Scope.ONCALL)
_V1: Final = "/gateway/v1"

_NUMBER: Final = Parameter("number", "query", "the phone_number_id to send from", TEXT, required=True)
_DAYS: Final = Parameter("days", "query", "how many days back, 30 unless said", {"type": "integer", "minimum": 1})
_FORGET: Final = Parameter("forget", "query", "true: what the user has refused is forgotten too", {"type": "boolean"})
_JUDGED: Final = Parameter(
    "guardrails", "query", "true: what each guardrail says of it now, while it is queued", {"type": "boolean"}
)
_WHY: Final = Parameter("reason", "query", "why; required to end what another app has stopped", TEXT)
_REVOKED: Final = Parameter("reason", "query", "why, for the audit", TEXT)
_IF_MATCH: Final = Parameter("If-Match", "header", "the ETag of the rules that may be replaced", TEXT)

_AUDITED: Final = tuple(
    Parameter(name, "query", about, TEXT)
    for name, about in (
        ("portfolio", "of one portfolio; * for what concerns none"),
        ("act", "of one act, such as pause.start, or of all that begin so: pause"),
        ("app", "by one app"),
        ("since", "an RFC 3339 time: from then on"),
        ("until", "an RFC 3339 time: before it"),
        ("limit", "how many at most, 100 unless said"),
        ("before", "the next of the answer before"),
        ("after", "the chain of one portfolio from the entry after this number on, the oldest first"),
    )
)

_WATCHED: Final = (
    Parameter("kinds", "query", f"of these kinds only, parted by commas: {', '.join(KINDS)}", TEXT),
    Parameter("number", "query", "of one phone_number_id, and of what it shares with others", TEXT),
    Parameter("verdict", "query", f"decisions of these verdicts only: {', '.join(VERDICTS)}", TEXT),
    Parameter("Last-Event-ID", "header", "the id of the last event that was read, to go on from there", TEXT),
)

_KPIS: Final = tuple(
    Parameter(name, "query", about, schema)
    for name, about, schema in (
        ("from", "the first day (UTC); 30 days until `to` unless said", {"type": "string", "format": "date"}),
        ("to", "the last day (UTC), today unless said", {"type": "string", "format": "date"}),
        ("by", "what a row stands for, a day unless said", words(By)),
        ("portfolio", "of one portfolio", TEXT),
        ("number", "of one number", TEXT),
        ("format", "json, unless csv is asked for here or by Accept", {"type": "string", "enum": ["json", "csv"]}),
    )
)

CONTROL: Final = (
    Endpoint(
        "GET",
        f"{_V1}/portfolios/{{portfolio}}/capacity",
        "Who can still be reached, and when places come free",
        {200: "Capacity"},
        _READ,
        capacity,
    ),
    Endpoint(
        "GET",
        f"{_V1}/messages/{{id}}",
        "What became of a message",
        {200: "MessageState"},
        _READ,
        read_message,
        parameters=(_JUDGED,),
    ),
    Endpoint(
        "DELETE",
        f"{_V1}/messages/{{id}}",
        "Cancel a message while it is queued",
        {200: "Cancelled", 409: "Problem"},
        (Scope.SEND, Scope.ADMIN),
        cancel_message,
    ),
    Endpoint(
        "POST",
        f"{_V1}/decide",
        "What would happen to a send, and why",
        {200: "Decision"},
        (Scope.SEND, Scope.READ),
        decide,
        body="Message",
        parameters=(_NUMBER, *(wish for wish in WISHES if wish.name.startswith("Tidegate-"))),
    ),
    Endpoint(
        "GET",
        f"{_V1}/numbers/{{number}}/health",
        "How a number stands, and whether a campaign may start",
        {200: "NumberHealth"},
        _READ,
        number_health,
    ),
    Endpoint("GET", f"{_V1}/queue", "What waits, and for what", {200: "Queue"}, _READ, read_queue),
    Endpoint("GET", f"{_V1}/standing", "What Meta says now", {200: "Standing"}, _READ, read_standing),
    Endpoint(
        "GET",
        f"{_V1}/quality",
        "What Meta said, by date",
        {200: "Quality"},
        _READ,
        read_quality,
        parameters=(_DAYS,),
    ),
    Endpoint(
        "GET",
        f"{_V1}/kpis",
        "What a business measures itself by",
        {200: "Kpis"},
        _READ,
        read_kpis,
        parameters=_KPIS,
        answer_types=("text/csv",),
    ),
    Endpoint(
        "POST",
        f"{_V1}/breakers:close",
        "Close a breaker by hand",
        {200: "Breaker"},
        _ADMIN,
        close_breaker,
        body="BreakerClosing",
    ),
    Endpoint(
        "POST",
        f"{_V1}/books:accept",
        "Take the books as they are",
        {200: "BooksAccepted"},
        _ADMIN,
        accept_books,
        body="BooksOrder",
    ),
    Endpoint("GET", f"{_V1}/pauses", "The pauses in force", {200: "Pauses"}, _READ, list_pauses),
    Endpoint("POST", f"{_V1}/pauses", "Stop sends by hand", {201: "Pause"}, _STOP, start_pause, body="PauseOrder"),
    Endpoint(
        "DELETE",
        f"{_V1}/pauses/{{id}}",
        "Resume what was stopped",
        {200: "Resumed"},
        _ADMIN,
        end_pause,
        parameters=(_WHY,),
    ),
    Endpoint(
        "GET", f"{_V1}/recipients/{{phone}}/consent", "What a user wants", {200: "Recipient"}, _READ, read_recipient
    ),
    Endpoint(
        "PUT",
        f"{_V1}/recipients/{{phone}}/consent",
        "Write down what a user wants",
        {200: "Recipient"},
        (Scope.SEND, Scope.ADMIN),
        write_consent,
        body="ConsentOrder",
    ),
    Endpoint(
        "GET", f"{_V1}/recipients/{{phone}}", "What is known of a user", {200: "Recipient"}, _READ, read_recipient
    ),
    Endpoint(
        "DELETE",
        f"{_V1}/recipients/{{phone}}",
        "Forget a user",
        {200: "Erased"},
        _ADMIN,
        erase_recipient,
        parameters=(_FORGET,),
    ),
    Endpoint("GET", f"{_V1}/wallets/{{waba}}", "What an account may spend", {200: "Wallet"}, _READ, read_wallet),
    Endpoint(
        "POST",
        f"{_V1}/wallets/{{waba}}/top-ups",
        "Put money into an account's wallet",
        {200: "TopUp", 201: "TopUp", 409: "Problem"},
        _ADMIN,
        top_up,
        body="TopUpOrder",
    ),
    Endpoint(
        "GET", f"{_V1}/audit", "Who did what, when and why", {200: "Audit"}, _READ, read_audit, parameters=_AUDITED
    ),
    Endpoint(
        "GET",
        f"{_V1}/events",
        "What is decided and what changes, as it happens (server-sent events)",
        {200: ""},
        _READ,
        read_events,
        parameters=_WATCHED,
        answer_types=("text/event-stream",),
    ),
    Endpoint("GET", f"{_V1}/keys", "Keys of apps", {200: "AppKeys"}, _ADMIN, list_keys),
    Endpoint(
        "POST",
        f"{_V1}/keys",
        "Make a key for an app",
        {201: "AppKeyMade", 409: "Problem"},
        _ADMIN,
        make_key,
        body="AppKeyOrder",
    ),
    Endpoint(
        "DELETE", f"{_V1}/keys/{{id}}", "Revoke a key", {200: "AppKey"}, _ADMIN, revoke_key, parameters=(_REVOKED,)
    ),
    Endpoint("GET", f"{_V1}/rules", "The rules in force", {200: "RulesInForce"}, _READ, read_rules_in_force),
    Endpoint(
        "PUT",
        f"{_V1}/rules",
        "Replace the rules, as a whole or not at all",
        {200: "RulesInForce", 412: "Problem", 422: "Refused"},
        _ADMIN,
        replace_rules,
        body="RulesOrder",
        parameters=(_IF_MATCH,),
    ),
)

TESTING: Final = (
    Endpoint("GET", f"{_V1}/testing/clock", "The store's time", {200: "Clock"}, _READ, read_clock),
    Endpoint(
        "POST",
        f"{_V1}/testing/clock",
        "Move the store's time forward",
        {200: "Clock"},
        _ADMIN,
        advance_clock,
        body="ClockAdvance",
    ),
)
