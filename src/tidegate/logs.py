"""Structured logs: one JSON object a line, for our own loggers and for those of the libraries, masked.

Masking is the last line of defence, not the first: nobody passes a phone number to a logger on purpose.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor

MASK: Final = "***"

_PHONE = r"\+[0-9][0-9 ().-]{5,22}[0-9]|(?:(?<![0-9A-Za-z_-])|(?<=%2B))[0-9]{7,15}(?![0-9A-Za-z_])"
_SENSITIVE: Final = re.compile(
    r"(?P<scheme>\b(?:Bearer|Basic)\s+)[^\s\"',]+"
    r"|(?P<parameter>\b(?:access_token|hub\.verify_token)=)[^\s&\"']+"
    r"|(?P<token>\b(?:EAA|tg_))[A-Za-z0-9_-]{8,}"
    r"|(?P<login>://)[^/@\s]+@"
    # Meta's message ids hold the recipient's number in base64; their end tells two messages apart.
    r"|(?P<wamid>\bwamid\.)[A-Za-z0-9+/=_-]+?(?P<wamid_end>[A-Za-z0-9+/=_-]{0,8})(?![A-Za-z0-9+/=_-])"
    rf"|(?P<phone>{_PHONE})",
    re.IGNORECASE,
)
_SECRET_KEY: Final = re.compile(r"(?:.*[_-])?(?:authorization|tokens?|secrets?|passwords?|key)", re.IGNORECASE)
_PERSON_KEYS: Final = frozenset({"phone", "to", "from", "wa_id", "user_id", "recipient", "display_phone_number"})
# Ids of Meta's and times look like phone numbers and are none.
_PLAIN_KEY: Final = re.compile(r".*_(?:id|ids|ms|s|at)")


def mask_text(text: str) -> str:
    """The text with everything masked that looks like a phone number, a token, a key or a login."""
    return _SENSITIVE.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    if match["phone"]:
        return _masked_phone(match["phone"])
    if match["wamid"]:
        return match["wamid"] + MASK + match["wamid_end"]
    kept = match["scheme"] or match["parameter"] or match["token"] or match["login"]
    return f"{kept}{MASK}@" if match["login"] else f"{kept}{MASK}"


def _masked_phone(phone: str) -> str:
    digits = re.sub("[^0-9]", "", phone)
    plus = "+" if phone.startswith("+") else ""
    return f"{plus}{digits[:2]}{MASK}{digits[-2:]}" if len(digits) >= 7 else MASK


def mask_value(value: Any, key: str = "") -> Any:
    """Any JSON-like value, masked; `key` is the name it is logged under, and may mark it as secret."""
    if value is None or isinstance(value, bool):
        return value
    if _SECRET_KEY.fullmatch(key):
        return MASK
    if key in _PERSON_KEYS:
        return _masked_phone(str(value)) if isinstance(value, str | int) else MASK
    if isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {mask_text(str(name)): mask_value(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_value(inner, key) for inner in value]
    text = value if isinstance(value, str) else str(value)
    return text if _PLAIN_KEY.fullmatch(key) else mask_text(text)


def mask(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Structlog processor: masks every value of the event."""
    return {key: mask_value(value, key) for key, value in event.items()}


def _render(_logger: object, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log line at `level` (debug, info, warning, error, critical) and above to `stream` as JSON.

    Without `stream`: standard error. Raises ValueError for a level of another name.
    """
    stream = sys.stderr if stream is None else stream
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError("level must be debug, info, warning, error or critical")
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        # As text, not as a structure: that would bring the local variables, and with them bodies and tokens.
        structlog.processors.format_exc_info,
        mask,
    ]
    structlog.configure(
        processors=[*common, _render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *common],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
