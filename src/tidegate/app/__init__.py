"""The composition root: the only place that builds things. A module for each part of a node."""

from tidegate.app.compose import build
from tidegate.app.sending import SETTLE_MS
from tidegate.node import Node

__all__ = ["SETTLE_MS", "Node", "build"]
