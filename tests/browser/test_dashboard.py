"""The dashboard in a real browser: what is clicked there stops and starts real sends, and what happens shows."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Browser, Route

from tests.browser.conftest import Seat, Site, seated
from tests.integration.edge.callers import ANN, BOB, CHECKOUT, NUMBER, READER, template
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: The page notes when it came to show these words, by its own clock (ms since 1970).
SEEN = """
words => { window.seen = new Promise(resolve => {
    const look = () => document.body.textContent.includes(words) && resolve(Date.now());
    new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
    look();
}); }
"""
#: Told once the browser has painted what it shows.
PAINTED = "() => window.seen.then(at => new Promise(done => requestAnimationFrame(() => done(at))))"


async def paused_by_click(seat: Seat, why: str) -> None:
    page = seat.page
    await page.get_by_label("Of a").select_option("number")
    await page.get_by_label("Which").fill(NUMBER)
    await page.get_by_label("Why", exact=True).fill(why)
    await page.get_by_role("button", name="Pause", exact=True).click()
    await page.locator(".stop", has_text=why).wait_for()


async def resumed_by_click(seat: Seat, why: str) -> None:
    stop = seat.page.locator(".stop", has_text=why)
    await stop.locator("summary").click()
    await stop.get_by_label("Why it may go on").fill("the test is over")
    await stop.get_by_role("button", name="Resume").click()
    await stop.wait_for(state="detached")


async def test_pause_by_click_stops_sends_and_resume_lets_them_go(seat: Seat):
    call = seat.site.call
    await paused_by_click(seat, "too many blocks")
    stop = seat.page.locator(".stop", has_text="too many blocks")
    assert "All sends paused by hand" in await stop.inner_text()
    assert "in 5 min" in await stop.inner_text() or "in 4 min" in await stop.inner_text()
    refused = await call.send(template(), Tidegate_Hold="reject")
    assert (refused.status, refused["Tidegate-Reason"]) == (400, "paused_by_operator")
    held = await call.send(template(BOB))
    assert held["Tidegate-Verdict"] == "queue"
    await resumed_by_click(seat, "too many blocks")
    assert (await call.send(template()))["Tidegate-Verdict"] == "send"

    async def went() -> bool:
        told = await call("GET", f"/gateway/v1/messages/{held['Tidegate-Id']}", CHECKOUT)
        return told.body["wamid"] is not None

    await until(went)


async def test_a_message_is_found_with_its_history_and_every_guardrail(seat: Seat):
    call, page = seat.site.call, seat.page
    sent = await call.send(template())
    await page.get_by_role("link", name="Messages").click()
    await page.get_by_label("Id of a message").fill(sent.body["messages"][0]["id"])
    await page.get_by_role("button", name="Look it up").click()
    await page.get_by_text(sent["Tidegate-Id"] or "").wait_for()
    await page.locator(".timeline", has_text="delivered").wait_for()
    await page.goto(seat.site.url)
    await paused_by_click(seat, "to see one wait")
    held = await call.send(template(BOB))
    await page.goto(f"{seat.site.url}/messages?id={held['Tidegate-Id']}")
    rail = page.locator("tr", has=page.get_by_role("rowheader", name="operator_pause", exact=True))
    assert "objects" in await rail.inner_text()
    assert "to see one wait" in await rail.inner_text()
    await page.goto(seat.site.url)
    await resumed_by_click(seat, "to see one wait")
    await page.goto(f"{seat.site.url}/messages?id=tg-nobody")
    await page.get_by_role("alert").wait_for()


async def test_what_happens_shows_within_two_seconds(seat: Seat):
    await seat.is_live()
    await seat.page.evaluate(SEEN, "stopped from afar")
    order = {"scope": {"number": NUMBER}, "reason": "stopped from afar"}
    made = await seat.site.call("POST", "/gateway/v1/pauses", CHECKOUT, json=order)
    assert made.status == 201
    began_ms = seat.site.node.services.clock.now_ms()
    assert await seat.page.evaluate(PAINTED) - began_ms < 2_000
    assert "things are stopped" in await seat.page.get_by_role("status").filter(has_text="stopped").inner_text()
    await seat.site.call("DELETE", f"/gateway/v1/pauses/{made.body['id']}", CHECKOUT)
    await seat.page.locator(".stop", has_text="stopped from afar").wait_for(state="detached")


async def test_a_form_that_is_being_filled_in_stays_as_it_is(seat: Seat):
    await paused_by_click(seat, "first")
    stop = seat.page.locator(".stop", has_text="first")
    await stop.locator("summary").click()
    await stop.get_by_label("Why it may go on").fill("half a sen")
    await seat.is_live()
    await seat.page.evaluate(SEEN, "3 things are stopped")
    order = {"scope": {"category": "marketing"}, "reason": "second"}
    other = await seat.site.call("POST", "/gateway/v1/pauses", CHECKOUT, json=order)
    await seat.page.evaluate(PAINTED)
    assert await stop.get_by_label("Why it may go on").input_value() == "half a sen"
    await stop.locator("summary").click()
    await seat.page.locator(".stop", has_text="second").wait_for()
    await seat.site.call("DELETE", f"/gateway/v1/pauses/{other.body['id']}", CHECKOUT)
    await resumed_by_click(seat, "first")


async def test_the_feed_tells_decisions_and_masks_who_they_are_for(seat: Seat):
    page = seat.page
    await page.get_by_role("link", name="Live feed").click()
    await seat.is_live()

    async def told() -> bool:
        await seat.site.call.send(template())
        return await page.locator("#feed tr").count() > 0

    await until(told)
    text = await page.locator("#feed").inner_text()
    assert "order_confirmation" in text
    assert ANN.removeprefix("+") not in text


async def test_the_page_grows_no_larger_than_two_hundred_rows(seat: Seat):
    page = seat.page

    async def much(route: Route) -> None:
        if route.request.headers.get("accept") != "text/event-stream":
            return await route.continue_()
        rows = json.dumps("".join(f"\n<tr><td>row {nth}</td></tr>\n" for nth in range(300)))
        await route.fulfill(content_type="text/event-stream", body=f"event: rows\ndata: {rows}\n\n")

    await page.route("**/dashboard/feed", much)
    await page.goto(f"{seat.site.url}/feed")
    await page.locator("#feed tr").first.wait_for()
    assert await page.locator("#feed tr").count() == 200
    assert await page.locator("#feed tr").first.inner_text() == "row 0"
    assert await page.evaluate("document.getElementById('feed').childNodes.length") == 200
    await page.unroute("**/dashboard/feed")


async def test_who_only_reads_sees_what_is_so_and_no_button(site: Site, browser: Browser):
    async with seated(site, browser, "tg_nobody") as seat:
        page = seat.page
        await page.get_by_role("alert").wait_for()
        await seat.sign_in(READER)
        await page.get_by_role("heading", name="Overview").wait_for()
        assert await page.locator("main button").count() == 0
        assert await page.locator(".stop").count() == 1
        await page.get_by_role("button", name="Sign out").click()
        await page.goto(f"{site.url}/feed")
        await page.get_by_label("App key").wait_for()


async def test_the_keyboard_is_enough(seat: Seat):
    page = seat.page
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.locator(".stop summary").first.focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.name") == "reason"
