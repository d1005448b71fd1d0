"""Every page for everybody: examined by axe-core, in the light and in the dark, and no wider than a phone."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe

from tests.browser.conftest import Seat, Site
from tests.factories import make_order
from tests.integration.edge.callers import CHECKOUT, NUMBER, PORTFOLIO, template
from tidegate.edge.dashboard.page import Page
from tidegate.edge.dashboard.pages import PAGES

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Of axe-core's four: those that keep somebody from using a page.
GRAVE = frozenset({"serious", "critical"})
#: What the other scheme can change.
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
LONG = "unbroken" * 11 + " \u05de\u05d1\u05e6\u05e2 \u0639\u0631\u0636 \U0001f389"
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paths(site: Site) -> dict[str, str]:
    """The parts of the pages' paths. Something is stopped, something runs, and names are as odd as names can be."""
    call = site.call
    audience = [{"to": f"+1650555{row:04}"} for row in range(1, 30)]
    order = make_order(
        name=LONG[:100],
        template={"name": "black_friday_offer", "language": {"code": "en_US"}},
        steps=[{"share": 0.2, "gate": True}, {"share": 1}],
        audience=audience,
    )
    campaign = (await call("POST", "/gateway/v1/campaigns", CHECKOUT, json=order)).body["id"]
    for scope in ({"template": LONG}, {"campaign": campaign}):
        pause = {"scope": scope, "reason": LONG * 2, "for": "1h"}
        assert (await call("POST", "/gateway/v1/pauses", CHECKOUT, json=pause)).status == 201
    assert (await call("POST", f"/gateway/v1/campaigns/{campaign}/start", CHECKOUT)).status == 200
    assert (await call.send(template())).status == 200
    return {"number": NUMBER, "portfolio": PORTFOLIO, "campaign": campaign}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path or "/")
async def test_nothing_keeps_anybody_from_using(seat: Seat, paths: dict[str, str], page: Page) -> None:
    await seat.page.set_viewport_size(DESK)
    await seat.page.goto(f"{seat.site.url}{page.path.format(**paths)}")
    for details in await seat.page.locator("main details:has(form) > summary").all():
        await details.click()
    assert await findings(seat, {"resultTypes": ["violations"]}) == []
    await seat.page.emulate_media(color_scheme="dark")
    assert await findings(seat, COLOURS) == []
    await seat.page.emulate_media(color_scheme="light")
    await seat.page.set_viewport_size(PHONE)
    assert await seat.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


async def findings(seat: Seat, options: dict[str, Any]) -> list[str]:
    found = await Axe().run(seat.page, options=options)
    return [
        f"{one['impact']} {one['id']}: {node['html']}"
        for one in found.response["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]
