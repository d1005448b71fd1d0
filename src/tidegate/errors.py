"""Faults, as exceptions. A "no" to a send is a value (`policy.verdict`), never one of these.

    TidegateError
     +- BadConfiguration     the file, an override or a rule cannot be used; carries every fault found
     +- StoreUnavailable     Valkey/Redis did not answer, or not in a state that a promise may rest on
     |   +- StoreNotAsked     ... and it is certain that it was not even asked
     +- JournalUnwritable    the journal's folder can't be written to (journal/files.py)
     +- CannotListen         the address of a setting can't be had
     +- UnfitStore           Valkey/Redis is set up so that no gateway may run on it; says the remedy
     +- UnfitParser          aiohttp reads requests by its parser in Python; says the remedy

No message holds a secret or a phone number: they end up in logs and in terminals.
"""

import os
from dataclasses import dataclass


class TidegateError(Exception):
    """Root of everything that this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a configuration.

    `path` is the key's place in the file (`portfolio[0].waba[0].id`), `problem` says what is wrong without
    repeating the value, `nearest` is the path of the known key that was probably meant, if there is one.
    """

    path: str
    problem: str
    nearest: str | None = None

    def __str__(self) -> str:
        meant = f"; did you mean {self.nearest}?" if self.nearest else ""
        return f"{self.path}: {self.problem}{meant}"


class BadConfiguration(TidegateError):
    """The configuration cannot be used; `faults` holds all that is wrong with it, not only the first."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class StoreUnavailable(TidegateError):
    """The store did not answer in time, or answered that it cannot do its work now."""


class StoreNotAsked(StoreUnavailable):
    """The store was away, and the call never left: nothing of it can have been carried out, now or later."""


class UnfitStore(TidegateError):
    """The store would break a promise by the way it is set up; the message names the remedy."""


class UnfitParser(TidegateError):
    """No node may serve strangers with the parser that there is; the message names the remedy."""


class CannotListen(TidegateError):
    """The address of a setting can't be had."""

    def __init__(self, setting: str, address: str, fault: OSError) -> None:
        super().__init__(f"{setting}: can't listen on {address}: {os.strerror(fault.errno or 0)}")
