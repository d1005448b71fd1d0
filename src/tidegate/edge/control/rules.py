"""`/rules`: the rules in force, the version that names their content, and their replacement as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.errors import BadConfiguration
from tidegate.policy.rules import Rules
from tidegate.settings import read_rules

_ETAG: Final = r'(?:W/)?"[\x21\x23-\x7e]*"'
_ETAGS: Final = re.compile(rf"{_ETAG}(?:[ \t]*,[ \t]*{_ETAG})*")


async def read_rules_in_force(call: Call) -> Reply:
    """The rules under their public keys."""
    return _told(await _in_force(call))


async def replace_rules(call: Call) -> Reply:
    """Put the body's rules in force, as a whole or not at all; on the answer every node obeys them."""
    instead_of = _versions(call.request.headers.getall("If-Match", []))
    rules = _read(await call.fields())
    if not await call.services.rules.replace(rules, call.actor, instead_of):
        version = (await _in_force(call)).version
        raise Denial(
            Kind.PRECONDITION_FAILED,
            "other rules are in force than If-Match names: read them again",
            headers={"ETag": f'"{version}"'},
        )
    return _told(rules)


async def _in_force(call: Call) -> Rules:
    # They are the same for every portfolio.
    portfolio = call.services.standings.portfolios[0]
    return (await call.standing(portfolio, await call.books(portfolio))).rules


def _told(rules: Rules) -> Reply:
    return json_reply({"version": rules.version, "rules": rules.written()}, headers={"ETag": f'"{rules.version}"'})


def _read(fields: Mapping[str, Any]) -> Rules:
    written = fields["rules"] if fields.keys() == {"rules"} else fields
    try:
        return read_rules(written)
    except BadConfiguration as refused:
        faults = [asdict(fault) for fault in refused.faults]
        detail = f"nothing was changed: the rules have {len(faults)} fault{'s' if len(faults) > 1 else ''}"
        raise Denial(Kind.UNPROCESSABLE, detail, extra={"faults": faults}) from None


def _versions(given: list[str]) -> frozenset[str] | None:
    """The versions that `If-Match` names (RFC 9110, 13.1.1); None: any. A weak one is never the same."""
    field = ", ".join(given).strip()
    if not given or field == "*":
        return None
    if not _ETAGS.fullmatch(field):
        raise Denial(Kind.BAD_REQUEST, 'header If-Match: has to be * or the ETag of GET, such as "0123456789ab"')
    return frozenset(tag.strip('"') for tag in re.findall(_ETAG, field) if not tag.startswith("W/"))
