"""The dashboard's further pages, as a browser asks for them: what they show, of what is whose, whatever it is named."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.factories import make_order
from tests.integration.edge.browsing import Browser, browsed, signed_in
from tests.integration.edge.callers import (
    CHECKOUT,
    NUMBER,
    OPERATOR,
    PORTFOLIO,
    READER,
    STRANGER,
    WABA,
    Answer,
    Caller,
    template,
)
from tests.waiting import until
from tidegate.edge.dashboard.pages import PAGES

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOSTILE = "<script>alert(1)</script> \u05d1\u05dc\u05d9\u05e5 " + "long-" * 30
CAMPAIGNS = "/gateway/v1/campaigns"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(valkey_socket: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Caller]:
    """A node that all tests share: what one of them stops, it starts again."""
    async with browsed(valkey_socket, tmp_path_factory.mktemp("pages")) as caller:
        yield caller


async def ordered(site: Caller, key: str = CHECKOUT, **changes: object) -> str:
    offer = {"name": "black_friday_offer", "language": {"code": "en_US"}}
    audience = [{"to": f"+1650555{row:04}", "first_name": "Ann"} for row in range(1, 4)]
    order = make_order(**{"template": offer, "audience": audience} | changes)
    answer = await site("POST", CAMPAIGNS, key, json=order)
    assert answer.status == 201, answer.raw
    return str(answer.body["id"])


async def shown(browser: Browser, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status == 200, (path, answer.raw)
    return answer.raw.decode()


async def test_every_page_is_there_is_reached_and_keeps_to_the_policy(site: Caller):
    browser = await signed_in(site)
    campaign = await ordered(site)
    first = await shown(browser, "")
    for page in PAGES:
        text = await shown(browser, page.path.format(number=NUMBER, campaign=campaign, portfolio=PORTFOLIO))
        assert len(re.findall(r"<h1[ >]", text)) == 1
        assert not re.search(r"<style|<script(?! src=)| style=| on[a-z]+=", text)
        if page.nav is not None:
            assert f'href="/dashboard{page.path}"' in first


async def test_a_portfolio_shows_what_its_places_are_for_and_when_they_come_free(site: Caller):
    browser = await signed_in(site)
    assert f'href="/dashboard/portfolios/{PORTFOLIO}"' in await shown(browser, "")
    assert (await site.send(template())).status == 200
    assert "No place comes free within the hour." in await shown(browser, "")
    text = await shown(browser, f"/portfolios/{PORTFOLIO}")
    assert re.search(r"Of 2,000 places: used: [1-9]", text)
    assert re.search(r"[1-9][0-9]* places? comes? free; nothing waits for one\.", text)
    assert "Nothing waits." in text
    assert (await browser.get("/portfolios/another")).status == 404


async def test_a_number_shows_its_health_its_quality_by_day_and_what_stops_it(site: Caller):
    browser = await signed_in(site)
    assert f'href="/dashboard/numbers/{NUMBER}"' in await shown(browser, "/numbers")
    text = await shown(browser, f"/numbers/{NUMBER}")
    assert "Good (GREEN)" in text
    assert set(re.findall(r"<b>([A-Z][\w ]+?)</b> <span class=\"badge", text)) >= {"Payment method", "Account review"}
    assert "Users welcome your messages: Meta may raise the limit." in text
    assert text.count('role="img" aria-label="Quality, last 30 days. Good since') == 2
    assert text.count("<svg viewBox=") == 2
    assert "What stops or slows it" not in text
    answer = await browser.submit("/pauses", scope="number", value=NUMBER, reason="a flood", **{"for": "30m"})
    assert answer.status == 303
    text = await shown(browser, f"/numbers/{NUMBER}")
    assert "What stops or slows it" in text
    assert re.search(r"Pause of number [0-9]+</b>", text)
    assert "paused by checkout: a flood" in text
    assert "1 thing<" in await shown(browser, "/numbers")
    (pause,) = (await site("GET", "/gateway/v1/pauses", CHECKOUT)).body["pauses"]
    assert (await browser.submit(f"/pauses/{pause['id']}/end")).status == 303


async def test_a_number_shows_how_fast_it_sends_once_it_was_looked_at_twice(site: Caller):
    health = f"/gateway/v1/numbers/{NUMBER}/health"
    assert (await site("GET", health, READER)).body["throughput"]["allowed"] == 80
    assert (await site.send(template())).status == 200

    async def is_seen() -> bool:
        return bool((await site("GET", health, READER)).body["throughput"]["used"])

    await until(is_seen)
    browser = await signed_in(site)
    assert re.search(r"<b>[0-9]+\.[0-9]</b> of <b>80</b> messages a second", await shown(browser, f"/numbers/{NUMBER}"))
    for path in ("", "/numbers"):
        assert re.search(r">[0-9]+\.[0-9] of 80</td>", await shown(browser, path))


async def test_templates_in_trouble_come_first_with_what_stops_them_and_are_found_by_name(site: Caller):
    browser = await signed_in(site)
    names = re.findall(r'<th scope="row"><bdi>(\w+)</bdi>', await shown(browser, "/templates"))
    assert names[0] == "winback"
    assert names[1:] == sorted(names[1:])
    text = await shown(browser, "/templates?q=WINB")
    assert re.findall(r'<th scope="row"><bdi>(\w+)</bdi>', text) == ["winback"]
    assert "PAUSED" in text
    assert "Meta paused the template" in text
    nothing = await shown(browser, "/templates?q=%3Cb%3Enone")
    assert "contains that" in nothing
    assert "<b>none" not in nothing


async def test_a_template_that_is_stopped_is_shown_though_meta_has_not_told_of_it(site: Caller):
    browser = await signed_in(site)
    order = {"scope": {"template": "never_read"}, "reason": "a test", "for": "5m"}
    paused = await site("POST", "/gateway/v1/pauses", CHECKOUT, json=order)
    text = await shown(browser, "/templates?q=never_read")
    await site("DELETE", f"/gateway/v1/pauses/{paused.body['id']}", CHECKOUT)
    assert re.findall(r'<th scope="row"><bdi>(\w+)</bdi>', text) == ["never_read"]
    assert "not read yet" in text
    assert "paused by hand" in text


async def test_a_campaign_is_shown_and_moved_by_its_buttons(site: Caller):
    browser = await signed_in(site)
    campaign = await ordered(site, name="spring", steps=[{"share": 0.4, "gate": True}, {"share": 1}])
    page = f"/campaigns/{campaign}"
    text = await shown(browser, page)
    assert "Of 3 recipients: 3 to come." in text
    assert re.findall(rf'action="/dashboard{page}/(\w+)"', text) == ["start", "cancel"]
    await site("POST", "/gateway/v1/pauses", CHECKOUT, json={"scope": {"number": NUMBER}, "reason": "hold on"})
    answer = await browser.submit(f"{page}/start")
    assert (answer.status, answer["Location"]) == (303, f"/dashboard{page}")
    assert re.findall(rf'action="/dashboard{page}/(\w+)"', await shown(browser, page)) == ["pause", "cancel"]
    assert (await browser.submit(f"{page}/pause")).status == 400
    assert "Campaign spring" not in await shown(browser, "")
    assert (await browser.submit(f"{page}/pause", reason="wrong price")).status == 303
    text = await shown(browser, page)
    assert "wrong price" in text
    overview = await shown(browser, "")
    assert all(words in overview for words in ("Campaign spring", "wrong price", f'href="/dashboard{page}"'))
    assert "wrong price" not in await shown(await signed_in(site, READER), "")
    assert re.findall(rf'action="/dashboard{page}/(\w+)"', text) == ["resume", "cancel"]
    assert (await browser.submit(f"{page}/cancel", reason="no offer")).status == 303

    async def is_over() -> bool:
        return (await site("GET", f"{CAMPAIGNS}/{campaign}", CHECKOUT)).body["state"] == "cancelled"

    await until(is_over)
    assert "action=" not in re.sub(r'action="/dashboard/logout"', "", await shown(browser, page))
    (pause,) = (await site("GET", "/gateway/v1/pauses", CHECKOUT)).body["pauses"]
    await browser.submit(f"/pauses/{pause['id']}/end")


async def test_an_admin_moves_another_apps_campaign_and_says_why(site: Caller):
    campaign = await ordered(site)
    browser = await signed_in(site, OPERATOR)
    text = await shown(browser, f"/campaigns/{campaign}")
    assert re.findall(rf'action="/dashboard/campaigns/{campaign}/(\w+)"', text) == ["start", "cancel"]
    assert (await browser.submit(f"/campaigns/{campaign}/cancel")).status == 400
    assert (await browser.submit(f"/campaigns/{campaign}/cancel", reason="ordered twice")).status == 303
    assert "ordered twice" in await shown(browser, f"/campaigns/{campaign}")
    assert (await browser.submit(f"/campaigns/{campaign}/forget", reason="no such verb")).status == 404


async def test_what_a_stranger_named_is_text_and_no_more(site: Caller):
    browser = await signed_in(site)
    campaign = await ordered(site, name=HOSTILE[:100])
    reason = HOSTILE[:400]
    await browser.submit("/pauses", scope="template", value=HOSTILE, reason=reason, **{"for": "1h"})
    paths = ("", "/templates", "/campaigns", f"/campaigns/{campaign}", "/history", "/audit", f"/numbers/{NUMBER}")
    texts = [await shown(browser, path) for path in paths]
    assert not [path for path, text in zip(paths, texts, strict=True) if "<script>" in text]
    assert sum("&lt;script&gt;alert(1)" in text for text in texts) >= 4
    (pause,) = (await site("GET", "/gateway/v1/pauses", CHECKOUT)).body["pauses"]
    await browser.submit(f"/pauses/{pause['id']}/end")


async def test_the_figures_of_days_are_told_by_what_is_asked_for(site: Caller):
    browser = await signed_in(site)
    assert (await site.send(template())).status == 200

    async def is_counted() -> bool:
        return "<bdi>checkout</bdi>" in await shown(browser, "/kpis?by=app")

    await until(is_counted)
    text = await shown(browser, "/kpis?from=2020-01-01&to=2020-01-07&by=campaign")
    assert "2020-01-01 to 2020-01-07" in text
    assert "Nothing was counted in these days." in text
    assert (await browser.get("/kpis?from=yesterday")).status == 400
    assert (await browser.get("/kpis?by=moon")).status == 400


async def test_the_history_tells_of_one_kind_of_so_many_days_and_what_was_sent_before_a_fall(site: Caller):
    browser = await signed_in(site)
    text = await shown(browser, "/history?days=7&kind=template")
    assert "Every change of 7 days" in text
    assert "Template winback" in text
    assert "Messaging limit" not in text
    assert "What was sent before it" in text
    assert "Rules" in await shown(browser, "/history")
    assert (await browser.get("/history?days=0")).status == 400


async def test_the_audit_is_read_by_its_filters(site: Caller):
    browser = await signed_in(site)
    await browser.submit("/pauses", scope="category", value="marketing", reason="for the audit", **{"for": "1m"})
    (pause,) = (await site("GET", "/gateway/v1/pauses", CHECKOUT)).body["pauses"]
    await browser.submit(f"/pauses/{pause['id']}/end")
    text = await shown(browser, "/audit?act=pause&app=checkout")
    assert "for the audit" in text
    assert set(re.findall(r'<th scope="row">([\w.]+)</th>', text)) == {"pause.start", "pause.end"}
    assert "No entry." in await shown(browser, "/audit?act=nothing.such")
    assert (await browser.get("/audit?since=yesterday")).status == 400


@pytest.mark.parametrize(
    "path", [f"/numbers/{NUMBER}", "/numbers/999999999999999", "/campaigns/cmp-none", "/campaigns/{theirs}"]
)
async def test_what_is_another_apps_is_not_there(site: Caller, path: str):
    theirs = await ordered(site)
    answer: Answer = await (await signed_in(site, STRANGER)).get(path.format(theirs=theirs))
    assert answer.status == 404
    assert answer["Content-Type"] == "text/html; charset=utf-8"


async def test_the_lists_hold_what_the_app_may_see_and_no_more(site: Caller):
    await ordered(site, name="ours alone")
    browser = await signed_in(site, STRANGER)
    for path in ("/numbers", "/templates", "/campaigns", "/kpis?by=number", "/history", "/audit"):
        text = await shown(browser, path)
        assert not [word for word in (NUMBER, WABA, PORTFOLIO, "ours alone") if word in text], path


async def test_who_only_reads_is_shown_no_button_on_any_page(site: Caller):
    browser = await signed_in(site, READER)
    for path in ("/numbers", f"/numbers/{NUMBER}", "/templates", "/campaigns", "/history", "/audit"):
        forms = re.findall(r'<form method="post" action="([^"]+)"', await shown(browser, path))
        assert forms == ["/dashboard/logout"], path
