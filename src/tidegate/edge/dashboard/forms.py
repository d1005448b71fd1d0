"""Forms: read with the limits of a body, and taken only from pages of the session that they belong to."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from tidegate.edge.dashboard.shell import Shell, SignedIn
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.door.bodies import is_form, read_body, refuse_encoded

_MOST: Final = 16 * 1024
_MOST_FIELDS: Final = 50
#: The field that holds the session's token.
TOKEN: Final = "csrf"


async def read_form(shell: Shell, request: web.Request, who: SignedIn | None) -> dict[str, str]:
    """The fields of a form, the token left out; those left empty are not there.

    `who`: in whose session it has to be written; None: in none, it is the form that opens one. Raises Denial.
    """
    if not shell.is_from_here(request):
        raise Denial(Kind.FORBIDDEN, "the form was sent from another site")
    refuse_encoded(request)
    if not is_form(request):
        raise Denial(Kind.UNSUPPORTED_ENCODING, "a form has to be application/x-www-form-urlencoded")
    raw = await read_body(request, _MOST)
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Denial(Kind.BAD_REQUEST, f"a form is UTF-8 text with at most {_MOST_FIELDS} fields") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Denial(Kind.BAD_REQUEST, "a field is given twice")
    token = fields.pop(TOKEN, "")
    if who is not None and not who.session.is_its_token(token):
        raise Denial(Kind.FORBIDDEN, "the form is of another session: load the page again, and repeat it")
    return {name: value for name, value in fields.items() if value.strip()}
