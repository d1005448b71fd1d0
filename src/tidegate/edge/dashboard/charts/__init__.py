"""Charts of the dashboard: SVG drawn on the server, coloured by the style sheet, each with words and a table."""

from tidegate.edge.dashboard.charts.chart import Chart, Key, Picture, draw

__all__ = ["Chart", "Key", "Picture", "draw"]
