"""Which of aiohttp's two parsers reads the requests of this process.

Source: aiohttp, "THREAT_MODEL.md": the parser in Python is where requests were smuggled through, time and again; it
is what runs where the wheel has no extension for the machine, or `AIOHTTP_NO_EXTENSIONS` is set.
"""

from __future__ import annotations

from typing import Final

from aiohttp import http_parser

REMEDY: Final = (
    "install aiohttp from a wheel for this machine (or build it with a C compiler), and unset AIOHTTP_NO_EXTENSIONS"
)


def is_in_c() -> bool:
    """Whether it is the one in C (llhttp), which a node in production has to have."""
    return http_parser.HttpRequestParser is not http_parser.HttpRequestParserPy
