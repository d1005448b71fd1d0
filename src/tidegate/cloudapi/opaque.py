"""The gateway's own callback data: Meta echoes it in every status, whatever became of the answer to the send.

Source: Meta, "Message status webhooks", `biz_opaque_callback_data`.
"""

import re
from typing import Final

#: Where it stands in a body.
CALLBACK_DATA: Final = "biz_opaque_callback_data"
#: One as long as this has no part that is too long.
_SURE: Final = len("tg1..") + 128
_WRAPPED = re.compile(r"tg1\.([A-Za-z0-9_.=-]{1,200})\.([A-Za-z0-9_=-]{1,128})")


def wrap_opaque(message_id: str, mac: str) -> str:
    """The callback data for a message: its gateway id and the code that proves we wrote it.

    Raises `ValueError` for parts that `unwrap_opaque` could not give back.
    """
    text = f"tg1.{message_id}.{mac}"
    # Most are of letters and digits only, which is told in a third of the time; bytes are such where they are ASCII.
    if message_id and mac and len(text) <= _SURE and (message_id + mac).encode().replace(b"-", b"0").isalnum():
        return text
    match = _WRAPPED.fullmatch(text)
    if match is None or match[2] != mac:
        raise ValueError("a message id or its authentication code has characters that cannot be wrapped")
    return text


def unwrap_opaque(text: str) -> tuple[str, str] | None:
    """Message id and authentication code in callback data of ours, unproven; None when it is not ours."""
    match = _WRAPPED.fullmatch(text)
    return (match[1], match[2]) if match else None
