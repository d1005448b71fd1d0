"""Customer service windows: 24 h from a user's last message to a number, per (number, user)."""

from __future__ import annotations

from typing import Final

WINDOW_MS: Final = 24 * 60 * 60 * 1_000


class Windows:
    """The windows open now; at exactly 24 h a window is closed."""

    def __init__(self) -> None:
        self._opened_ms: dict[tuple[str, str], int] = {}

    def open(self, number_id: str, user: str, now_ms: int) -> None:
        """Note a message of the user: the window begins anew."""
        self._opened_ms[number_id, user] = now_ms

    def is_open(self, number_id: str, user: str, now_ms: int) -> bool:
        """Say whether a free-form message may go."""
        opened_ms = self._opened_ms.get((number_id, user))
        return opened_ms is not None and now_ms - opened_ms < WINDOW_MS

    def opened_ms(self, number_id: str, user: str) -> int | None:
        """Tell when the user last wrote, in ms; None: never."""
        return self._opened_ms.get((number_id, user))
