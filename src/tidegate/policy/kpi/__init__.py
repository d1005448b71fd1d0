"""What a business measures itself by, made of the figures that the store adds up: docs/kpis.md defines each."""

from tidegate.policy.kpi.cells import By, Cell, Kind
from tidegate.policy.kpi.figures import Figures, Mean
from tidegate.policy.kpi.times import Times

__all__ = ["By", "Cell", "Figures", "Kind", "Mean", "Times"]
