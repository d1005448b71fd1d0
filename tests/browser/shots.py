"""Pictures of every page of the dashboard, of the demo under a scenario: for a desk, a phone, in the light and dark.

python -m tests.browser.shots --out DIR [--scenario bad_template] [--only PAGE] [--first-screen]
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal

import aiohttp
from playwright.async_api import Browser, Page, async_playwright

from tests.waiting import until
from tidegate import logs
from tidegate.demo import estate
from tidegate.demo.stage import Stage, running
from tidegate.demo.traffic import Traffic
from tidegate.edge.dashboard.pages import PAGES
from tidegate.simulator.scenarios import SCENARIOS
from tidegate.tasks import spawn

#: Name, width and height in px, colours.
SIGHTS: Final[tuple[tuple[str, int, int, Literal["light", "dark"]], ...]] = (
    ("desk", 1440, 900, "light"),
    ("desk-dark", 1440, 900, "dark"),
    ("phone", 390, 844, "light"),
    ("phone-dark", 390, 844, "dark"),
)
_LONGEST_PLAY_S: Final = 120.0


async def take(directory: Path, scenario: str, only: str | None, *, whole: bool) -> list[Path]:
    """Play the scenario until there is something to see, and take the pictures."""
    headers = {"Authorization": f"Bearer {estate.APP_KEY}"}
    taken: list[Path] = []
    async with running(0, 1, scenario) as stage, aiohttp.ClientSession(headers=headers) as session:
        sending = spawn(Traffic(stage, session, 1).run(), "sample traffic")
        try:
            campaign = await _played(stage, session, scenario)
            async with _chromium() as browser:
                for sight in SIGHTS:
                    async with _seated(browser, stage, *sight[1:]) as page:
                        taken += await _pictures(page, stage, directory, sight[0], campaign, only, whole)
        finally:
            sending.cancel()
            await asyncio.wait([sending])
    return taken


async def _played(stage: Stage, session: aiohttp.ClientSession, scenario: str) -> str:
    """Wait for what the scenario is about; the id of the demo's campaign."""
    told: dict[str, Any] = {}

    async def is_there() -> bool:
        async with session.get(f"{stage.gateway}/gateway/v1/campaigns") as answer:
            # Until the node has its books, it has no answer.
            found = (await answer.json()).get("campaigns", [])
        told.update(found[0] if found else {})
        return told.get("state") in (("halted",) if scenario == "bad_template" else ("running", "waiting", "halted"))

    await until(is_there, within_s=_LONGEST_PLAY_S)
    # What the scenario led to is on all pages, and some sends wait for it.
    await asyncio.sleep(15)
    return str(told["id"])


async def _pictures(
    page: Page, stage: Stage, directory: Path, sight: str, campaign: str, only: str | None, whole: bool
) -> list[Path]:
    taken = []
    for row in PAGES:
        path = row.path.format_map(
            _Parts({"number": estate.NUMBER, "portfolio": estate.PORTFOLIO, "campaign": campaign})
        )
        name = row.template.removesuffix(".html")
        if only not in (None, name) or "{" in path:
            continue
        url = f"{stage.gateway}/dashboard{path}"

        async def is_shown(url: str = url) -> bool:
            answer = await page.goto(url)
            return answer is not None and answer.ok

        # A machine that draws pictures is too busy for its store now and then.
        await until(is_shown)
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        taken.append(directory / f"{name}-{sight}.png")
        await page.screenshot(path=taken[-1], full_page=whole)
        print(f"{taken[-1]}{f'  scrolls sideways by {wide} px' if wide else ''}", flush=True)
    return taken


class _Parts(dict[str, str]):
    """The parts of a path that are known; the others stay as they are."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


@asynccontextmanager
async def _chromium() -> AsyncIterator[Browser]:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("no chromium is installed here: apt install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        await browser.close()


@asynccontextmanager
async def _seated(
    browser: Browser, stage: Stage, width: int, height: int, colours: Literal["light", "dark"]
) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=colours)
    page = await context.new_page()
    await page.goto(f"{stage.gateway}/dashboard/login")
    await page.get_by_label("App key").fill(estate.APP_KEY)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Overview").wait_for()
    yield page
    await context.close()


def main(arguments: Mapping[str, Any]) -> None:
    """Take the pictures that the command asks for."""
    logs.configure("error")
    arguments["out"].mkdir(parents=True, exist_ok=True)
    asyncio.run(take(arguments["out"], arguments["scenario"], arguments["only"], whole=not arguments["first_screen"]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="bad_template")
    parser.add_argument("--only", help="the page whose template has this name")
    parser.add_argument("--first-screen", action="store_true", help="what is seen without scrolling, alone")
    main(vars(parser.parse_args()))
