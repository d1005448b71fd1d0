"""Every key that tidegate writes: how it is built, what it holds, who writes it, when it goes.

A portfolio's keys share one hash tag, so that a script may touch all of them on a Valkey Cluster. Scripts get two as
KEYS, the same two of each portfolio (`PortfolioKeys.all`), and name all others by what those begin with: the fragment
`lua/_keys.lua` mirrors `NAMES`. A name that ends in a colon is a prefix: the script appends the recipient, message or
lane that it was given.

| key | type | holds | written by | goes |
|---|---|---|---|---|
| clock | string | steerable clock: ms to add, or `@` and a fixed instant | tests only | never |
| ledger | hash | `epoch`; `used` places; `paced`: number -> next turn (ms), packed | admit, restand, ... | never |
| | | `<ms>`, `<ms> left`: what was admitted then, and is being sent (`lua/_intents.lua`) | as places | then |
| | | `sending_since`: none of these is of an earlier time (ms) | admit, glance | with them |
| | | `era` of the books; `server` that they are whole on; `held_until` (ms) while they are not | join, vouch | |
| | | `prepaid` places of all nodes; `recalled_at` (ms) | prepay, call_back | |
| | | `identity`: mark of the key that recipients are hashed with | a node that starts | |
| places:<bucket> | string | each recipient (7 bytes), the end of its place (6) | admit, settle, refresh | when empty |
| calendar | zset | bucket -> ms, never later than the bucket's earliest end | as places | when empty |
| holds | hash | recipient -> its counted end and its messages of unknown fate | as places | with its place |
| releases | hash | second -> places expected to come free in it | as places | with its places |
| pair:<number>:<recipient> | string | window's end, pair's next turn (ms) | admit, open_window, ... | after both |
| message:<id> | string, hash | one message: state, attempt, recipient, history, body while queued | all | retention |
| wamid:<hash> | string | message id, by the keyed hash of Meta's id of it | settle, refresh | retention |
| inflight | zset | message id of unknown outcome -> ms by which its fate must be known | settle, reap, ... | then |
| lane:<number>:<category> | zset | queued message id -> ms at which it is due | enqueue, claim, ... | when claimed |
| waiting:<number>:<category> | zset | id of one that needs a place -> ms since when | enqueue, claim | when claimed |
| leases | zset | claimed message id -> ms at which the claim lapses | claim | when submitted |
| deadlines | zset | queued message id -> ms at which it expires | enqueue, reap | when it ends |
| queued_for | hash | recipient -> ids of messages queued for it | enqueue, claim | with them |
| standing | hash | `<kind>:<key>` -> JSON record of each fact, and of the rules | restand | never |
| history | stream | one entry a change of standing | restand, swing | trimmed |
| breakers | hash | id -> `<revision> <JSON>` of a breaker that concerns many users | swing | 8 days after it closed |
| turns | hash | further paces (a throttle's, a probe's) by name -> next turn (ms) | admit | 8 days unused |
| tally:<name> | string | taken of an allowance; of a share: below | admit, settle, refresh | after its period |
| count:<name> | string | how often a signal came: `<time>,<id>` each | count | after its window |
| user:<recipient> | hash | `v` version, `r` what is known of one user | admit, {update,erase}_user | when empty |
| outcomes:<day>:<scope> | hash | `13.sent` ...: a day's sends by outcome; `tripped` | *_outcomes | 40 days |
| | | `outcomes:kpi:...`: figures of a day, below | *_outcomes, ask | 400 days |
| | | `outcomes:told`: what sends came to, until somebody reads it: below | settle, refresh, ... | when read |
| outcome_scopes | zset | scope of outcomes -> when it last had news (ms) | sum_outcomes, ... | 40 days after |
| reached:<number>:<recipient> | string | id of the last send with a category that they got | settle | 72 h |
| | | `reached:marketing:...`: of the last marketing one | settle | 72 h |
| | | `reached:asked:...`: since when a user waits, when we last wrote (ms) | ask, settle, refresh | 8 days |
| | | `reached:asked`: that there is any such | ask | 8 days |
| ramps | hash | number or template that is warmed up -> its first send (ms) | admit | never |
| topups | hash | `<waba> <reference>` -> millionths paid in | top_up | never |
| warnings | hash | `<metric> <scope>` -> what early warning last said of it (JSON) | early warning | when it is calm |
| audit | stream | `<number>-0`: one entry of the audit, its hash and the one before it | append_audit | `audit_kept` |
| alerted | hash | up to where the history was told to the operator, and what else was told | alert watch | never |
| audited | string | id in `history` up to which it was taken over into the audit | append_audit | never |
| feed | stream | batches of the live feed, each from one node: JSON | feeds | 60 s after the last |
| lease:<duty> | string | the node that does what only one should do | leases | when it lapses |
| nodes | hash | node -> `<state> <heard (ms)>`: 1 it owes what the books miss, 2 it left | join, vouch, leave | 31 h |
| heard | hash | number -> when the latest of its messages whose status came was admitted (ms) | refresh | never |
| prepaid | hash | node -> `<places> <counted until (ms)>` that it may fill while the store is away | prepay | 31 h |
| key_uses | hash | id of an app's key -> hour of its last use (ms) | key uses | never |
| relay:<what> | several | webhooks on their way to the apps: below | relay_take, ... | when delivered |
| used_by_day | hash | day (UTC) -> places held at its last note: its unique recipients | daily use | 31 days |
| campaigns | zset | campaign -> when it is forgotten (ms) | campaign_write | when forgotten |
| campaigns_of:<app> | zset | those of them that are one app's | campaign_write | as they are |
| campaign:<what>:<id> | several | one campaign: below | campaign_write, ... | 40 days after its end, or deadline |
| erased | zset | recipient that was erased -> when (ms): for uploads under way | erasures | 2 h |
| promise | string | written before replicas are waited for, so that there is something to wait for | scripts | 1 min |
| replicas | string | how many follow, all of which understand all (read by `lua/_texts.lua`) | replicas | 150 s |
| once:<app>:<key> | string | who does what only one does, its answer (`lua/_once.lua`) | recall, admit, settle | 24 h |

A `message:` that goes as most do is one string, a head and lines, to which Meta's acceptance and its statuses add; it
becomes a hash, with that string in a field `packed`, once it needs fields of its own (`lua/_message.lua`,
`message_record.py`).

What `relay:` begins, each for one app:

- `seen:<app>:<day>:<byte>`, set: name (12 bytes) of each webhook that was taken, by the day it tells of; for 9 days.
- `item:<app>:<id>`, hash: one webhook: its line, sealed body, tries, last error; until it is delivered.
- `line:<app>:<line>`, list: ids of one user's webhooks in their order. `due:<app>`, zset: lines by when they are due.
- `order:<app>`, `dead:<app>`, zsets: ids of what waits by when it came, of what is dead by when it died.
- `app:<app>`, hash: how the app took the last ones; `held_until` (ms) while it is down; `bytes` that its items take;
  how many were `left_out` and `dropped` for want of room.
- `ended`, zset, of all apps: promised messages that ended unsent, until the report of it waits; 9 days at most.

What `campaign:` begins, each for one campaign (they are not among `NAMES`: no script of a send needs them):

- `record:<id>`, string: `<revision> <call> <JSON>`: its order, its audience in numbers, its progress.
- `rows:<id>:<upload>:<group>`, hash: number of a chunk -> some of a group's rows, packed and sealed; `who:<number>` ->
  4 of the 16 bytes of each of their recipients, so that one user's are found.
- `errors:<id>:<upload>`, hash: number of a chunk -> lines that were rejected, and why, packed.
- `fates:<id>`, string: a byte a row: what became of it. `counts:<id>`, hash: `<group>.<fate>` -> how many rows.

A field of `outcomes:told` is "<hour since 1970> <where> <counter> <kind of send>", with how often: where `s` in the
outcomes of the scopes of such a send, `c` in the figures of its day, `b` in both; the kind as JSON, what was noted of
it without what is of one send. It has room for 512.

What `outcomes:kpi:` begins is of one day (since 1970, UTC):

- `<day>:<kind>`, set: `<number>:<name>` of the numbers, templates, campaigns or apps of which there are figures.
- `<day>:<kind>:<number>:<name>`, hash: those figures, which only add up: `sent`, `deliver.17` (a class of times) ...

What `tally:share:` begins is of the apps that have a share of the limit:

- `<app>:ledger` (`used`), `<app>:places:<bucket>`, `<app>:calendar`, `<app>:holds`, `<app>:releases`: what the keys of
  these names hold of all places, of those that the app's own sends took; written with them, and gone with them.
- `apps`, set: apps that have such a book; never goes.
"""

from __future__ import annotations

from typing import Final

DATA_KEYS: Final = "tidegate:data_keys"
"""A key that is no portfolio's: a hash, id -> data key wrapped by the payload key. Each field goes when what was
encrypted under it has to be unreadable (store/data_keys.py); written by keep_data_keys."""

FEED_WATCHED: Final = "tidegate:feed_watched"
"""Beside it: a zset, portfolio -> when nobody watches its live feed any more (ms), unless that is renewed; written by
the nodes on which somebody does, and gone with the last of them (store/feeds.py)."""

NAMES: Final = (
    "clock",
    "ledger",
    "places:",
    "calendar",
    "holds",
    "releases",
    "pair:",
    "message:",
    "wamid:",
    "inflight",
    "lane:",
    "waiting:",
    "leases",
    "deadlines",
    "queued_for",
    "standing",
    "history",
    "breakers",
    "turns",
    "tally:",
    "count:",
    "user:",
    "outcomes:",
    "outcome_scopes",
    "reached:",
    "ramps",
    "topups",
    "nodes",
    "heard",
    "prepaid",
    "relay:",
    "once:",
)


class PortfolioKeys:
    """The keys of one portfolio; `all` is the block that scripts take.

    It is of two: one that is there as soon as anything is, and one that is not. While a cluster moves a portfolio from
    one of its servers to another, each of them then answers TRYAGAIN, and no script finds half of the books.
    """

    __slots__ = ("_prefix", "all")

    def __init__(self, portfolio: str) -> None:
        self._prefix = f"tidegate:{{{portfolio}}}:"
        self.all: list[bytes] = [self.clock.encode(), self.ledger.encode()]

    def named(self, name: str) -> bytes:
        """The key of this name, one of `NAMES`."""
        return f"{self._prefix}{name}".encode()

    @property
    def clock(self) -> str:
        return f"{self._prefix}clock"

    @property
    def ledger(self) -> str:
        return f"{self._prefix}ledger"

    @property
    def releases(self) -> str:
        """Places expected to come free, by second."""
        return f"{self._prefix}releases"

    @property
    def standing(self) -> str:
        return f"{self._prefix}standing"

    @property
    def history(self) -> str:
        return f"{self._prefix}history"

    @property
    def breakers(self) -> str:
        return f"{self._prefix}breakers"

    @property
    def warnings(self) -> str:
        return f"{self._prefix}warnings"

    def reached(self, number: str, recipient: bytes) -> bytes:
        return f"{self._prefix}reached:{number}:".encode() + recipient

    @property
    def ramps(self) -> str:
        return f"{self._prefix}ramps"

    def tally(self, name: str) -> str:
        return f"{self._prefix}tally:{name}"

    def user(self, recipient: bytes) -> bytes:
        return f"{self._prefix}user:".encode() + recipient

    def message(self, message_id: str) -> str:
        return f"{self._prefix}message:{message_id}"

    def wamid(self, index: str) -> str:
        return f"{self._prefix}wamid:{index}"

    @property
    def audit(self) -> str:
        return f"{self._prefix}audit"

    @property
    def audited(self) -> str:
        return f"{self._prefix}audited"

    @property
    def alerted(self) -> str:
        return f"{self._prefix}alerted"

    @property
    def key_uses(self) -> str:
        return f"{self._prefix}key_uses"

    @property
    def feed(self) -> str:
        return f"{self._prefix}feed"

    def lease(self, duty: str) -> str:
        return f"{self._prefix}lease:{duty}"

    @property
    def nodes(self) -> str:
        return f"{self._prefix}nodes"

    @staticmethod
    def promise(clock: str | bytes) -> bytes:
        """The key beside the `clock` given, which is the first key of every script."""
        text = clock.encode() if isinstance(clock, str) else clock
        return text.removesuffix(b"clock") + b"promise"

    @property
    def replicas(self) -> str:
        return f"{self._prefix}replicas"

    def relay(self, kind: str, app: str = "") -> str:
        """One of the keys that `relay:` begins: of an app, or `ended` of all of them."""
        return f"{self._prefix}relay:{kind}:{app}" if app else f"{self._prefix}relay:{kind}"

    def relay_item(self, app: str, name: bytes) -> bytes:
        return f"{self._prefix}relay:item:{app}:".encode() + name

    @property
    def used_by_day(self) -> str:
        return f"{self._prefix}used_by_day"

    @property
    def campaigns(self) -> str:
        return f"{self._prefix}campaigns"

    def campaigns_of(self, app: str) -> str:
        return f"{self._prefix}campaigns_of:{app}"

    @property
    def erased(self) -> str:
        return f"{self._prefix}erased"

    def campaign(self, kind: str, campaign_id: str, *more: str | int) -> str:
        """One of the keys that `campaign:` begins."""
        return ":".join(map(str, (f"{self._prefix}campaign", kind, campaign_id, *more)))

    def once(self, name: str) -> str:
        return f"{self._prefix}once:{name}"
