"""The dashboard as a browser asks for it, without a browser: who gets in, what he sees, what he may do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio

from tests.integration.edge.browsing import Browser, browsed, signed_in
from tests.integration.edge.callers import (
    ANN,
    CHECKOUT,
    NUMBER,
    OPERATOR,
    OTHER_PORTFOLIO,
    PORTFOLIO,
    READER,
    SENDER,
    STRANGER,
    Caller,
    template,
    text,
)
from tests.waiting import until
from tidegate.edge.dashboard.live import MOST_WATCHERS_OF_APP
from tidegate.edge.dashboard.session import LASTING_MS
from tidegate.edge.door.lockout import FAILURES
from tidegate.settings.app_keys import fingerprint

pytestmark = pytest.mark.asyncio(loop_scope="module")
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(valkey_socket: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Caller]:
    """A node that all tests share: what one of them stops, it starts again."""
    async with browsed(valkey_socket, tmp_path_factory.mktemp("dashboard")) as caller:
        yield caller


async def test_without_a_session_the_way_leads_to_the_form_and_with_it_back(site: Caller):
    browser = Browser(site)
    answer = await browser.get("?days=7")
    assert answer.status == 303
    assert answer["Location"] == "/dashboard/login?next=/dashboard?days%3D7"
    assert (await browser.get("/login?next=/dashboard?days%3D7")).status == 200
    answer = await browser.sign_in(READER, next="/dashboard?days=7")
    assert (answer.status, answer["Location"]) == (303, "/dashboard?days=7")
    assert "HttpOnly" in answer["Set-Cookie"]
    assert "SameSite=Strict" in answer["Set-Cookie"]
    assert "Path=/dashboard" in answer["Set-Cookie"]
    assert READER not in answer["Set-Cookie"]
    page = await browser.get("?days=7")
    assert page.status == 200
    assert PORTFOLIO in page.raw.decode()


@pytest.mark.parametrize(
    "onward",
    ["https://evil.example/", "//evil.example", "/dashboard\\evil.example", "/gateway/v1/standing", "/dashboard/login"],
)
async def test_nobody_is_led_away_after_signing_in_to(site: Caller, onward: str):
    assert (await Browser(site).sign_in(READER, next=onward))["Location"] == "/dashboard"


@pytest.mark.parametrize(
    ("key", "status"),
    [
        pytest.param("tg_nobody", 401, id="a key of nobody"),
        pytest.param("", 401, id="no key"),
        pytest.param(SENDER, 403, id="a key that may not read"),
    ],
)
async def test_what_opens_no_session_is_told_on_the_form(site: Caller, key: str, status: int):
    browser = Browser(site)
    answer = await browser.sign_in(key)
    assert answer.status == status
    assert 'role="alert"' in answer.raw.decode()
    assert browser.cookie == ""


@pytest.mark.parametrize(
    ("told", "is_secure"),
    [
        pytest.param({}, False, id="not over plain HTTP, where a browser would not take it"),
        pytest.param({"X-Forwarded-Proto": "https, http"}, True, id="behind two proxies of which the first ends TLS"),
        pytest.param({"Forwarded": "for=192.0.2.1;proto=https"}, True, id="where a proxy tells as the standard has it"),
    ],
)
async def test_the_cookie_is_for_tls_alone(site: Caller, told: dict[str, str], is_secure: bool):
    answer = await Browser(site).post("/login", {"key": CHECKOUT}, **told)

    assert answer.status == 303
    assert ("; Secure" in answer["Set-Cookie"]) is is_secure


async def test_who_signs_out_or_shows_another_cookie_is_not_signed_in(site: Caller):
    browser = await signed_in(site)
    assert (await browser.submit("/logout"))["Location"] == "/dashboard/login"
    assert browser.cookie == ""
    browser.cookie = "A" * 112
    assert (await browser.get()).status == 303
    assert (await browser.get("", Accept="text/event-stream")).status == 401


async def test_a_session_ends_with_its_key_and_after_its_time(site: Caller):
    made = (await site("POST", "/gateway/v1/keys", OPERATOR, json={"app": "reader"})).body
    browser, other = await signed_in(site, made["key"]), await signed_in(site, READER)
    assert (await browser.get()).status == 200
    assert (await site("DELETE", f"/gateway/v1/keys/{made['id']}", OPERATOR)).status == 200
    assert (await browser.get()).status == 303
    assert (await other.get()).status == 200
    hours = {"advance_s": LASTING_MS // 1000}
    assert (await site("POST", "/gateway/v1/testing/clock", OPERATOR, json=hours)).status == 200
    assert (await other.get()).status == 303


@pytest.mark.parametrize(
    ("headers", "given", "status"),
    [
        pytest.param({"Origin": "https://evil.example"}, True, 403, id="another site's page, with the token"),
        pytest.param({"Origin": "null"}, True, 403, id="a page of no site"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, True, 403, id="what the browser calls cross-site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, True, 403, id="a neighbour of the same site"),
        pytest.param({}, False, 403, id="a form without the token"),
        pytest.param({"Content-Type": "application/json"}, True, 415, id="no form"),
    ],
)
async def test_nothing_is_done_for(site: Caller, headers: dict[str, str], given: bool, status: int):
    browser = await signed_in(site)
    fields = {"scope": "number", "value": NUMBER, "reason": "not ours"}
    token = {"csrf": await browser.token()} if given else {}
    answer = await browser.post("/pauses", fields | token, **headers)
    assert answer.status == status
    assert (await site("GET", "/gateway/v1/pauses", CHECKOUT)).body["pauses"] == []


async def test_who_only_reads_sees_no_button_and_moves_nothing(site: Caller):
    browser = await signed_in(site, READER)
    assert "/dashboard/pauses" not in (await browser.get()).raw.decode()
    answer = await browser.submit("/pauses", scope="number", value=NUMBER, reason="I may not")
    assert answer.status == 403
    assert "admin" in answer.raw.decode()


async def test_a_pause_from_the_page_stops_sends_says_why_and_is_audited(site: Caller):
    browser, reason = await signed_in(site), '<b>spam</b> & "more"'
    answer = await browser.submit("/pauses", scope="number", value=NUMBER, reason=reason, **{"for": "30m"})
    assert (answer.status, answer["Location"]) == (303, "/dashboard")
    refused = await site.send(template(), Tidegate_Hold="reject")
    assert refused["Tidegate-Reason"] == "paused_by_operator"
    page = (await browser.get()).raw.decode()
    assert "&lt;b&gt;spam&lt;/b&gt; &amp; &#34;more&#34;" in page
    assert "<b>spam" not in page
    (pause,) = (await site("GET", "/gateway/v1/pauses", CHECKOUT)).body["pauses"]
    answer = await browser.submit(f"/pauses/{pause['id']}/end", reason="it is over")
    assert answer.status == 303
    assert (await site.send(template())).status == 200
    (ended, begun) = (await site("GET", "/gateway/v1/audit?act=pause&limit=2", CHECKOUT)).body["entries"]
    assert [entry["act"] for entry in (begun, ended)] == ["pause.start", "pause.end"]
    assert begun["by"] == {"app": "checkout", "key": fingerprint(CHECKOUT), "from": "127.0.0.1"}
    assert (begun["reason"], ended["reason"]) == (reason, "it is over")


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        pytest.param({"scope": "planet", "value": "1", "reason": "x"}, 400, "scope", id="a scope that there is not"),
        pytest.param({"scope": "number", "value": NUMBER}, 400, "reason", id="no reason"),
        pytest.param({"scope": "number", "value": "999999999999999", "reason": "x"}, 404, "number", id="no number"),
        pytest.param({"scope": "number", "value": NUMBER, "reason": "x", "for": "soon"}, 400, "for", id="no span"),
    ],
)
async def test_a_pause_that_can_not_be_is_told_as_a_page(site: Caller, fields: dict[str, str], status: int, told: str):
    answer = await (await signed_in(site)).submit("/pauses", **fields)
    assert answer.status == status
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert told in answer.raw.decode()


async def test_an_app_sees_its_own_portfolios_only(site: Caller):
    theirs = (await (await signed_in(site, STRANGER)).get()).raw.decode()
    assert OTHER_PORTFOLIO in theirs
    assert PORTFOLIO not in theirs


async def test_every_answer_keeps_others_out_and_files_may_be_kept(site: Caller):
    browser = await signed_in(site)
    page = await browser.get()
    for answer in (page, await browser.get("/login"), await browser.submit("/pauses", scope="x")):
        assert answer["Content-Security-Policy"].startswith(POLICY)
        assert answer["Cache-Control"] == "no-store"
    assert " style=" not in page.raw.decode()
    assert " onclick=" not in page.raw.decode()
    names = re.findall(r'(?:href|src)="/dashboard(/static/[^"]+)"', page.raw.decode())
    assert len(names) == 3
    for name in names:
        file = await Browser(site).get(name)
        assert file.status == 200
        assert "immutable" in file["Cache-Control"]
    assert (await Browser(site).get("/static/dashboard.0.css")).status == 404


async def test_what_changes_is_told_to_whoever_watches_until_the_session_is_over(site: Caller):
    browser = await signed_in(site)
    headers = {"Cookie": f"tidegate_session={browser.cookie}", "Accept": "text/event-stream"}
    # One template of the platform is paused, and of bad quality: that is what is stopped anyway.
    events: list[tuple[str, Any]] = []

    async def seen(words: str) -> bool:
        name = (await stream.content.readline()).decode()
        if name.startswith("event: "):
            data = (await stream.content.readline()).removeprefix(b"data: ")
            events.append((name[7:].strip(), orjson.loads(data)))
        return any(words in str(told) for _, told in events)

    async with site.session.get(f"{site.url}/dashboard", headers=headers) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        await until(lambda: seen("1 thing is stopped"))
        await browser.submit("/pauses", scope="category", value="marketing", reason="seen live")
        await until(lambda: seen("seen live"))
        token = await browser.token()
        assert token in events[-1][1]["live_stops"]
        (pause,) = (await site("GET", "/gateway/v1/pauses", CHECKOUT)).body["pauses"]
        await browser.submit(f"/pauses/{pause['id']}/end")
        events.clear()
        await until(lambda: seen("1 thing is stopped"))


async def test_a_message_is_shown_to_whoever_may_see_it_while_it_waits_with_every_guardrail(site: Caller):
    later = datetime.now(UTC) + timedelta(days=20)
    sent = await site.send(template(), Tidegate_Not_Before=f"{later:%Y-%m-%dT%H:%M:%SZ}")
    path = f"/messages?id={sent['Tidegate-Id']}"
    page = (await (await signed_in(site)).get(path)).raw.decode()
    assert "What became of it" in page
    assert "If it were tried now: queue, because of scheduled" in page
    assert page.count('<th scope="row">') > 10
    theirs = await (await signed_in(site, STRANGER)).get(path)
    assert "There is no such message" in theirs.raw.decode()
    assert (await site("DELETE", f"/gateway/v1/messages/{sent['Tidegate-Id']}", CHECKOUT)).status == 200
    page = (await (await signed_in(site)).get(path)).raw.decode()
    assert "cancelled by checkout" in page
    assert "If it were tried now" not in page


async def test_the_feed_tells_what_was_refused_to_whoever_asked_for_that_alone(site: Caller):
    browser = await signed_in(site)
    assert (await browser.get("/feed?verdict=perhaps")).status == 400
    headers = {"Cookie": f"tidegate_session={browser.cookie}", "Accept": "text/event-stream"}
    told: list[str] = []

    async def seen() -> bool:
        await site.send(template())
        await site.send(text())
        line = (await stream.content.readline()).decode()
        if line.startswith("data: "):
            told.append(orjson.loads(line[6:]))
        return any("service_window_closed" in rows for rows in told)

    async with site.session.get(f"{site.url}/dashboard/feed?verdict=reject", headers=headers) as stream:
        await until(seen)
    assert not any("order_confirmation" in rows for rows in told)
    assert not any(ANN.removeprefix("+") in rows for rows in told)


async def test_a_breaker_is_closed_from_the_page_by_whoever_says_why(site: Caller):
    browser = await signed_in(site)
    (red,) = [one for one in (await site("GET", "/gateway/v1/standing")).body["breakers"] if "red" in one["rule"]]
    assert (await browser.submit("/breakers/close", id=red["id"])).status == 400
    assert (await browser.submit("/breakers/close", id=red["id"], reason="it is green again")).status == 303
    assert red["id"] not in [one["id"] for one in (await site("GET", "/gateway/v1/standing")).body["breakers"]]
    (entry,) = (await site("GET", "/gateway/v1/audit?act=breaker.close")).body["entries"]
    assert (entry["by"]["app"], entry["reason"]) == ("checkout", "it is green again")


# Last of all: the address is locked out after it.
async def test_who_guesses_keys_is_locked_out_of_the_form_too(site: Caller):
    statuses = [(await Browser(site).sign_in(f"tg_guess{nth}")).status for nth in range(FAILURES + 1)]
    assert statuses[-1] == 429
    assert (await signed_in(site)).cookie


@pytest.mark.parametrize("path", ["/nothing", "/numbers/1/2", "/pauses"])
async def test_who_goes_astray_gets_a_page_signed_in_or_not(site: Caller, path: str):
    stranger = await Browser(site).get(path, Accept="text/html,*/*;q=0.8")
    known = await (await signed_in(site, READER)).get(path, Accept="text/html")
    for answer in (stranger, known):
        assert answer.status == (405 if path == "/pauses" else 404)
        assert answer["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in (answer["Content-Security-Policy"] or "")
        assert "To the overview" in answer.raw.decode()
    assert "Sign out" in known.raw.decode()
    assert "Sign out" not in stranger.raw.decode()
    assert (await Browser(site).get(path, Accept="application/json"))["Content-Type"] == "application/problem+json"


async def test_the_dashboard_with_a_slash_behind_it_is_the_dashboard(site: Caller):
    answer = await Browser(site).get("/", Accept="text/html")
    assert (answer.status, answer["Location"]) == (303, "/dashboard")


async def test_one_app_watches_so_many_pages_and_leaves_the_others_room(site: Caller):
    mine, theirs = await signed_in(site, READER), await signed_in(site, OPERATOR)

    async def watches(stack: AsyncExitStack, browser: Browser) -> int:
        headers = {"Cookie": f"tidegate_session={browser.cookie}", "Accept": "text/event-stream"}
        asked = site.session.get(f"{site.url}/dashboard/numbers", headers=headers)
        return (await stack.enter_async_context(asked)).status

    async with AsyncExitStack() as stack:
        begun = [await watches(stack, mine) for _ in range(MOST_WATCHERS_OF_APP)]
        assert set(begun) == {200}
        assert await watches(stack, mine) == 503
        assert await watches(stack, theirs) == 200

    async def is_let_in() -> bool:
        async with AsyncExitStack() as stack:
            return await watches(stack, mine) == 200

    # Those who left say nothing of it; their places are free all the same.
    await until(is_let_in, within_s=4)
