"""The live feed: what is decided and what changes, on all nodes, told to whoever watches; free while nobody does."""

from tidegate.feed.event import FeedEvent, Kind
from tidegate.feed.feed import Feed
from tidegate.feed.subscription import Passes, Subscription

__all__ = ["Feed", "FeedEvent", "Kind", "Passes", "Subscription"]
