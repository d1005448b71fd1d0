"""A chart and its picture."""

from tidegate.edge.dashboard.charts import Chart, draw
from tidegate.edge.dashboard.charts.drawing import Drawing, Kind, Point, Series, Tone

CHART = Chart("Sent", "3 were sent.", Drawing(Kind.COLUMNS, (Series(Tone.FIRST, (Point(3),)),), labels=("a",)))


async def test_a_picture_is_drawn_for_a_desk_and_for_a_phone_and_once() -> None:
    picture = await draw(CHART)
    assert 'viewBox="0 0 880 220"' in picture.wide
    assert 'viewBox="0 0 350 220"' in picture.narrow
    assert await draw(CHART) is picture


async def test_a_chart_without_a_drawing_is_words_alone() -> None:
    picture = await draw(Chart("Sent", "Nothing was sent.", None))
    assert (picture.wide, picture.narrow) == ("", "")
