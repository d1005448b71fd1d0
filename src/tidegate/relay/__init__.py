"""Meta's webhooks handed to the apps that they concern: taken durably, delivered in order, never at another's cost."""

from tidegate.relay.relay import Relay
from tidegate.relay.subscribers import ALERTS, Subscriber, Subscribers

__all__ = ["ALERTS", "Relay", "Subscriber", "Subscribers"]
