"""Webhooks applied: what users and Meta tell changes messages, places, windows, users and the standing."""

from tidegate.signals.signals import Signals
from tidegate.signals.whose import Whose

__all__ = ["Signals", "Whose"]
