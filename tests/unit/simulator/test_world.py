"""The world at boundary times: what is accepted, what counts, what is told, and who is caught cheating."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tidegate.simulator.behaviour import DAY_MS, HOUR_MS, MINUTE_MS, ClosedWindow, Delay, OverLimit, Reactions, exactly
from tidegate.simulator.book import ViolationKind
from tidegate.simulator.config import DEFAULT_TOKEN, SimulatorConfig
from tidegate.simulator.notices import Webhook
from tidegate.simulator.scenarios import INSTANT, STORM

from .conftest import NUMBER, PORTFOLIO, SECOND_NUMBER, WABA

ANN, BOB, CAT = "+16505550001", "+16505550002", "+16505550003"


def test_an_accepted_send_is_answered_with_a_wamid_and_told_as_sent_and_delivered(make_sender):
    sender = make_sender()
    assert sender.template(ANN, 1_999, opaque="id-1") == 0

    message = sender.answer.body["messages"][0]
    assert sender.answer.body["contacts"] == [{"input": ANN, "wa_id": ANN[1:]}]
    assert message["message_status"] == "accepted"
    told = [(status["status"], status["timestamp"]) for status in sender.statuses()]
    assert told == [("sent", "1"), ("delivered", "1")]
    assert {status["id"] for status in sender.statuses()} == {message["id"]}
    assert {status["biz_opaque_callback_data"] for status in sender.statuses()} == {"id-1"}
    assert [(send.at_ms, send.opaque, send.wamid, send.counts) for send in sender.world.book.accepted] == [
        (1_999, "id-1", message["id"], True)
    ]


@pytest.mark.parametrize(
    ("age_ms", "caught"),
    [
        pytest.param(0, ["over_limit", "delivered_over_limit"], id="at the instant of the first delivery"),
        pytest.param(1, ["over_limit", "delivered_over_limit"], id="1 ms after it"),
        pytest.param(DAY_MS - 1, ["over_limit", "delivered_over_limit"], id="24 h less 1 ms after it"),
        pytest.param(DAY_MS, [], id="but not 24 h after it"),
        pytest.param(DAY_MS + 1, [], id="nor 24 h and 1 ms after it"),
    ],
)
def test_one_user_more_than_the_limit_is_a_violation(make_sender, age_ms, caught):
    sender = make_sender(limit=1)
    sender.template(ANN, 1_000)
    assert sender.template(BOB, 1_000 + age_ms) == 0  # Meta has no code for it
    assert sender.violations() == caught


def test_the_evidence_of_an_overrun_names_the_count_and_the_limit(make_sender):
    sender = make_sender(limit=1)
    sender.template(ANN, 0)
    sender.template(BOB, 7, opaque="id-2")
    violation = sender.world.book.violations[0]
    assert (violation.kind, violation.at_ms, violation.user, violation.opaque) == ("over_limit", 7, BOB[1:], "id-2")
    assert violation.evidence == {"committed": 1, "delivered": 1, "limit": 1}


def test_the_same_user_again_takes_no_new_place(make_sender):
    sender = make_sender(limit=1)
    for now_ms in (0, 6_000, DAY_MS - 1):
        sender.template(ANN, now_ms)
    assert sender.violations() == []
    sender.template(BOB, 2 * DAY_MS - 2)  # the last delivery prolonged the stay
    assert "over_limit" in sender.violations()


def test_two_spellings_of_one_phone_are_one_user(make_sender):
    sender = make_sender(limit=1)
    sender.template("+55 11 98765-4321", 0)
    sender.template("551187654321", 0)
    assert sender.answer.body["contacts"] == [{"input": "551187654321", "wa_id": "551187654321"}]
    assert sender.violations() == []


def test_a_phone_and_its_user_id_are_one_user(make_sender):
    sender = make_sender(limit=1)
    sender.template(ANN, 0)
    user_id = sender.statuses()[0]["recipient_user_id"]
    body = {"messaging_product": "whatsapp", "recipient": user_id, "type": "template"}
    body["template"] = {"name": "order_confirmation", "language": {"code": "en_US"}}
    assert sender.post(body, 6_000) == 0
    assert sender.answer.body["contacts"] == [{"input": user_id, "user_id": user_id}]
    assert sender.violations() == []


def test_all_numbers_of_a_portfolio_share_its_limit(make_sender):
    sender = make_sender(limit=1)
    sender.template(ANN, 0)
    sender.template(BOB, 0, number=SECOND_NUMBER)
    assert "over_limit" in sender.violations()


@pytest.mark.parametrize(
    ("age_ms", "counts"),
    [
        pytest.param(0, False, id="inside the window from the instant it opens"),
        pytest.param(DAY_MS - 1, False, id="to 24 h less 1 ms"),
        pytest.param(DAY_MS, True, id="outside at 24 h"),
        pytest.param(DAY_MS + 1, True, id="and after"),
    ],
)
def test_a_template_inside_a_window_does_not_count(make_sender, age_ms, counts):
    sender = make_sender()
    sender.world.inbound(NUMBER, ANN, 500)
    sender.template(ANN, 500 + age_ms)
    assert sender.world.book.accepted[0].counts is counts
    assert sender.world.state()["portfolios"][PORTFOLIO]["committed"] == counts


def test_a_window_with_another_number_is_none(make_sender):
    sender = make_sender()
    sender.world.inbound(SECOND_NUMBER, ANN, 0)
    sender.template(ANN, 0)
    assert sender.world.book.accepted[0].counts


@pytest.mark.parametrize(
    ("age_ms", "caught"),
    [
        pytest.param(0, [], id="at the instant the user writes"),
        pytest.param(DAY_MS - 1, [], id="24 h less 1 ms later"),
        pytest.param(DAY_MS, ["window_closed"], id="24 h later"),
        pytest.param(DAY_MS + 1, ["window_closed"], id="24 h and 1 ms later"),
    ],
)
def test_a_text_outside_a_window_is_a_violation_and_fails(make_sender, age_ms, caught):
    sender = make_sender()
    sender.world.inbound(NUMBER, ANN, 500)
    assert sender.text(ANN, 500 + age_ms) == 0
    assert sender.violations() == caught
    last = sender.statuses()[-1]
    assert last["status"] == ("failed" if caught else "delivered")
    assert [error["code"] for error in last.get("errors", [])] == [131047] * len(caught)


def test_a_text_outside_a_window_may_be_refused_at_once(make_sender):
    sender = make_sender(replace(INSTANT, closed_window=ClosedWindow.ANSWER))
    assert sender.text(ANN, 0) == 131047
    assert sender.violations() == ["window_closed"]
    assert sender.world.book.accepted == []


def test_the_same_opaque_data_twice_is_a_violation(make_sender):
    sender = make_sender()
    sender.template(ANN, 0, opaque="id-1")
    sender.template(BOB, 5, opaque="id-2")
    sender.template(ANN, 9, opaque="id-1")
    assert sender.violations() == ["duplicate"]
    first, _, second = sender.world.book.accepted
    evidence = {"wamid": second.wamid, "first_wamid": first.wamid, "first_at_ms": 0}
    assert sender.world.book.violations[0].evidence == evidence


def test_sends_without_opaque_data_are_no_duplicates(make_sender):
    sender = make_sender()
    sender.template(ANN, 0)
    sender.template(ANN, 1)
    assert sender.violations() == []


def test_more_sends_a_second_than_the_throughput_are_refused_and_a_violation(make_sender):
    sender = make_sender(replace(INSTANT, throughput_tolerance=0.0), throughput=3)
    codes = [sender.template(f"+1650555{order:04d}", order) for order in range(4)]
    assert codes == [0, 0, 0, 130429]
    assert sender.violations() == ["throughput"]
    assert sender.template(ANN, 999) == 130429
    assert sender.template(ANN, 1_000) == 0
    assert sender.template(BOB, 999, number=SECOND_NUMBER) == 0


def test_a_tolerance_forgives_a_jitter_of_the_network(make_sender):
    sender = make_sender(replace(INSTANT, throughput_tolerance=0.5), throughput=2)
    assert [sender.template(f"+1650555{order:04d}", 0) for order in range(4)] == [0, 0, 0, 130429]


def test_messages_of_users_use_up_throughput_but_nobody_is_blamed_for_them(make_sender):
    sender = make_sender(replace(INSTANT, throughput_tolerance=0.0), throughput=2)
    sender.world.inbound(NUMBER, ANN, 0)
    sender.world.inbound(NUMBER, BOB, 0)
    assert sender.template(CAT, 0) == 130429
    assert sender.violations() == []


def test_a_sender_that_does_not_pay_its_burst_is_refused_and_caught(make_sender):
    sender = make_sender()
    assert [sender.template(ANN, now_ms) for now_ms in (0, 1, 6_000, 12_000)] == [0, 0, 131056, 0]
    assert sender.violations() == ["pair"]
    assert sender.world.book.violations[0].evidence == {"wait_ms": 6_000}


@pytest.mark.parametrize(
    ("name", "language", "code", "caught"),
    [
        pytest.param("winback", "en_US", 132015, ["paused_template"], id="a paused template"),
        pytest.param("gone", "en_US", 132016, ["paused_template"], id="a disabled template"),
        pytest.param("pending", "en_US", 132001, [], id="a template in review"),
        pytest.param("unheard_of", "en_US", 132001, [], id="an unknown name"),
        pytest.param("order_confirmation", "de", 132001, [], id="a language that it does not have"),
    ],
)
def test_a_template_that_cannot_be_sent_is_refused(make_sender, name, language, code, caught):
    sender = make_sender()
    sender.world.set_template(WABA, "gone", 0, status="DISABLED")
    sender.world.set_template(WABA, "pending", 0, status="PENDING")
    body = {"messaging_product": "whatsapp", "to": ANN, "type": "template"}
    body["template"] = {"name": name, "language": {"code": language}}
    assert sender.post(body, 1) == code
    assert sender.violations() == caught
    assert sender.world.book.refused == {code: 1}


@pytest.mark.parametrize(
    ("after_ms", "caught"),
    [
        pytest.param(499, [], id="within the grace nobody is blamed"),
        pytest.param(500, ["paused_template"], id="at its end he is"),
    ],
)
def test_a_grace_forgives_who_could_not_know_of_a_pause(make_sender, after_ms, caught):
    sender = make_sender(replace(INSTANT, grace_ms=500))
    sender.world.set_template(WABA, "order_confirmation", 1_000, status="PAUSED")
    assert sender.template(ANN, 1_000 + after_ms) == 132015
    assert sender.violations() == caught


@pytest.mark.parametrize(
    ("after_ms", "caught"),
    [
        pytest.param(499, [], id="within the grace the older limit counts"),
        pytest.param(500, ["over_limit"], id="at its end the new one"),
    ],
)
def test_a_grace_forgives_who_could_not_know_of_a_lower_limit(make_sender, after_ms, caught):
    sender = make_sender(replace(INSTANT, grace_ms=500))
    sender.template(ANN, 0)
    sender.world.set_limit(PORTFOLIO, 1, 1_000)
    sender.template(BOB, 1_000 + after_ms)
    assert [kind for kind in sender.violations() if kind == "over_limit"] == caught


def test_a_message_on_its_way_holds_its_place_until_its_fate_is_known(make_sender):
    slow = replace(INSTANT, delivery_delay=exactly(30 * HOUR_MS))
    sender = make_sender(slow, limit=1)
    sender.template(ANN, 0)
    assert sender.world.state()["portfolios"][PORTFOLIO] == {"messaging_limit": 1, "committed": 1, "delivered": 0}
    sender.template(BOB, 29 * HOUR_MS)
    assert sender.violations() == ["over_limit"]


def test_a_late_delivery_counts_from_its_own_time(make_sender):
    sender = make_sender(replace(INSTANT, delivery_delay=exactly(30 * HOUR_MS)), limit=1)
    sender.template(ANN, 0)
    sender.later(54 * HOUR_MS - 1)
    assert sender.world.state()["portfolios"][PORTFOLIO]["delivered"] == 1
    sender.later(54 * HOUR_MS)
    assert sender.world.state()["portfolios"][PORTFOLIO]["delivered"] == 0


def test_a_failed_message_gives_its_place_back(make_sender):
    sender = make_sender(limit=1)
    sender.world.unreach(ANN)
    sender.template(ANN, 0)
    sender.template(BOB, 1)
    assert sender.violations() == []
    failed = sender.statuses()[0]
    assert (failed["status"], failed["errors"][0]["code"]) == ("failed", 131026)
    sender.world.unreach(ANN, False)
    sender.template(ANN, DAY_MS + 1)
    assert sender.statuses()[-1]["status"] == "delivered"


@pytest.mark.parametrize(
    ("name", "ttl_ms"),
    [
        pytest.param("login_code", 10 * MINUTE_MS, id="an authentication template after 10 minutes"),
        pytest.param("order_confirmation", 30 * DAY_MS, id="any other after 30 days"),
    ],
)
def test_an_undelivered_message_lapses_in_silence(make_sender, name, ttl_ms):
    sender = make_sender(replace(INSTANT, delivery_delay=exactly(60 * DAY_MS)))
    sender.template(ANN, 0, name)
    sender.later(ttl_ms - 1)
    assert sender.world.state()["portfolios"][PORTFOLIO]["committed"] == 1
    sender.later(ttl_ms)
    assert sender.world.state()["portfolios"][PORTFOLIO]["committed"] == 0
    assert [status["status"] for status in sender.statuses()] == ["sent"]
    assert sender.world.book.fates == {"lapsed": 1}


@pytest.mark.parametrize(
    ("fate", "last"),
    [
        pytest.param(OverLimit.DELIVER, "delivered", id="it is delivered all the same"),
        pytest.param(OverLimit.DROP, "sent", id="it is dropped in silence"),
        pytest.param(OverLimit.FAIL, "failed", id="it fails"),
    ],
)
def test_the_fate_of_a_delivery_over_the_limit_is_a_choice(make_sender, fate, last):
    sender = make_sender(replace(INSTANT, over_limit=fate), limit=1)
    sender.template(ANN, 0)
    sender.template(BOB, 1)
    assert sender.statuses()[-1]["status"] == last
    assert sender.violations() == ["over_limit", "delivered_over_limit"]


def test_a_new_limit_is_told_and_in_force_at_once(make_sender):
    sender = make_sender(limit=1)
    sender.template(ANN, 0)
    sender.world.set_limit(PORTFOLIO, "TIER_250", 5)
    sender.template(BOB, 5)
    assert sender.violations() == []
    told = sender.told("business_capability_update")
    assert told == [{"max_daily_conversations_per_business": 250, "max_phone_numbers_per_waba": 25}]


def test_an_unlimited_portfolio_cannot_be_overrun(make_sender):
    sender = make_sender(limit=-1)
    for user in (ANN, BOB, CAT):
        sender.template(user, 0)
    assert sender.violations() == []


@pytest.mark.parametrize(
    ("number", "token", "code", "http_status"),
    [
        pytest.param(NUMBER, "wrong", 190, 401, id="a wrong token"),
        pytest.param(NUMBER, "", 190, 401, id="no token"),
        pytest.param("1", DEFAULT_TOKEN, 100, 400, id="an unknown number"),
        pytest.param(WABA, DEFAULT_TOKEN, 2500, 400, id="an account instead of a number"),
    ],
)
def test_who_may_not_send_is_told_so(make_sender, number, token, code, http_status):
    sender = make_sender()
    assert sender.template(ANN, 0, number=number, token=token) == code
    assert sender.answer.http_status == http_status
    assert sender.answer.body["error"]["fbtrace_id"]


def test_a_read_receipt_is_no_send(make_sender):
    sender = make_sender()
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x"}
    assert sender.post(body, 0) == 0
    assert sender.answer.body == {"success": True}
    assert sender.world.book.accepted == []


def test_only_marketing_templates_go_to_the_marketing_endpoint(make_sender):
    sender = make_sender()
    assert sender.template(ANN, 0, "black_friday_offer", marketing_endpoint=True) == 0
    assert sender.statuses()[0]["pricing"]["category"] == "marketing_lite"
    assert sender.template(BOB, 0, "order_confirmation", marketing_endpoint=True) == 134100


def test_direct_send_needs_an_account_that_has_it_and_counts_like_a_template(make_sender):
    body = {"messaging_product": "whatsapp", "to": ANN, "category": "utility", "text": {"body": "Hi"}}
    assert make_sender().post(body, 0) == 100
    sender = make_sender(direct_send=True)
    assert sender.post(body, 0) == 0
    assert (sender.world.book.accepted[0].category, sender.world.book.accepted[0].counts) == ("utility", True)


@pytest.mark.parametrize(
    ("replies_too", "template_code", "text_code"),
    [
        pytest.param(False, 368, 0, id="business-initiated messages only"),
        pytest.param(True, 368, 368, id="every message"),
    ],
)
def test_a_restriction_ends_at_its_time(make_sender, replies_too, template_code, text_code):
    sender = make_sender()
    sender.world.inbound(NUMBER, ANN, 0)
    sender.world.restrict(WABA, 60_000, 0, replies_too=replies_too)
    assert sender.template(ANN, 59_999) == template_code
    assert sender.text(ANN, 59_999) == text_code
    assert sender.template(BOB, 60_000) == 0
    told = sender.told("account_update")[0]
    assert told["event"] == "ACCOUNT_RESTRICTION"
    assert [bar["expiration"] for bar in told["restriction_info"]] == [60] * (2 + replies_too)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        pytest.param("CONNECTED", 0, id="connected"),
        pytest.param("FLAGGED", 0, id="flagged"),
        pytest.param("BANNED", 131031, id="banned"),
        pytest.param("DISCONNECTED", 133010, id="disconnected"),
        pytest.param("RATE_LIMITED", 131048, id="rate limited"),
    ],
)
def test_the_status_of_a_number_decides(make_sender, status, code):
    sender = make_sender()
    sender.world.set_number(NUMBER, status=status)
    assert sender.template(ANN, 0) == code


@pytest.mark.parametrize(
    ("now_ms", "code"),
    [
        pytest.param(99, 0, id="before it"),
        pytest.param(100, 2, id="at its beginning"),
        pytest.param(199, 2, id="to its last millisecond"),
        pytest.param(200, 0, id="at its end no longer"),
    ],
)
def test_an_outage_answers_503(make_sender, now_ms, code):
    sender = make_sender(replace(INSTANT, outages=((100, 200),)))
    assert sender.template(ANN, now_ms) == code
    assert sender.answer.http_status == (503 if code else 200)


def test_a_held_template_is_released_or_dropped(make_sender):
    sender = make_sender()
    sender.world.hold_template(WABA, "black_friday_offer")
    sender.template(ANN, 0, "black_friday_offer")
    assert sender.answer.body["messages"][0]["message_status"] == "held_for_quality_assessment"
    assert sender.statuses() == []
    assert sender.world.release_template(WABA, "black_friday_offer", 1) == 1
    sender.later(1)
    assert [status["status"] for status in sender.statuses()] == ["sent", "delivered"]

    sender.world.hold_template(WABA, "black_friday_offer")
    sender.template(BOB, 2, "black_friday_offer")
    assert sender.world.release_template(WABA, "black_friday_offer", 3, code=132015) == 1
    sender.later(3)
    assert sender.statuses()[-1]["errors"][0]["code"] == 132015
    assert sender.template(CAT, 4, "black_friday_offer") == 132015
    assert sender.world.state()["portfolios"][PORTFOLIO]["committed"] == 1


def test_next_event_is_the_next_step_of_a_message_or_the_next_webhook(make_sender):
    slow = replace(INSTANT, sent_delay=exactly(10), delivery_delay=exactly(100), webhook_delay=exactly(5))
    sender = make_sender(slow)
    assert sender.world.next_event_at_ms() is None
    sender.template(ANN, 1_000)
    seen = []
    while (at_ms := sender.world.next_event_at_ms()) is not None:
        seen.append(at_ms)
        sender.later(at_ms)
    assert seen == [1_010, 1_015, 1_110, 1_115]


def test_time_never_runs_back(make_sender):
    sender = make_sender()
    sender.template(ANN, 5_000)
    sender.template(BOB, 1_000)
    assert [send.at_ms for send in sender.world.book.accepted] == [5_000, 5_000]


def test_a_scale_shortens_every_delay(make_sender):
    sender = make_sender(replace(INSTANT, delivery_delay=exactly(30 * HOUR_MS)))
    sender.world.scale(0.001)
    sender.template(ANN, 0)
    sender.later(108_000)
    assert sender.statuses()[-1]["status"] == "delivered"
    with pytest.raises(ValueError, match="negative"):
        sender.world.scale(-1)


def test_any_webhook_can_be_announced(make_sender):
    sender = make_sender()
    sender.world.announce(Webhook(5, WABA, "account_update", {"event": "DISABLED_UPDATE"}))
    sender.later(5)
    assert sender.told("account_update") == [{"event": "DISABLED_UPDATE"}]


def test_a_user_without_a_phone_writes_and_is_answered(make_sender):
    sender = make_sender()
    sender.world.inbound(NUMBER, "US.277112087", 0, "button", "Stop promotions")
    sender.later(0)
    message = sender.told("messages")[0]["messages"][0]
    assert message["button"] == {"payload": "Stop promotions", "text": "Stop promotions"}
    assert "from" not in message
    body = {"messaging_product": "whatsapp", "recipient": "US.277112087", "text": {"body": "Hi"}}
    assert sender.post(body, 1) == 0
    assert "recipient_id" not in sender.statuses()[-1]


@pytest.mark.parametrize("choice", ["stop", "resume"])
def test_a_user_stops_and_resumes_marketing(make_sender, choice):
    sender = make_sender()
    sender.world.prefer(NUMBER, ANN, "stop", 0)
    sender.world.prefer(NUMBER, ANN, choice, 0)
    sender.template(ANN, 1, "black_friday_offer")
    last = sender.statuses()[-1]
    assert [error["code"] for error in last.get("errors", [])] == ([131050] if choice == "stop" else [])
    assert sender.told("user_preferences")[-1]["user_preferences"][0]["value"] == choice


@pytest.mark.parametrize(
    ("how", "template", "after_ms", "caught"),
    [
        pytest.param("tap", "black_friday_offer", 5_000, ["opted_out"], id="marketing after a tap on stop"),
        pytest.param("word", "black_friday_offer", 5_000, ["opted_out"], id="marketing after the word"),
        pytest.param("tap", "black_friday_offer", 4_999, [], id="nobody can have known yet"),
        pytest.param("tap", "order_confirmation", 5_000, [], id="what is no marketing may go"),
        pytest.param("back", "black_friday_offer", 5_000, [], id="who resumed wants it again"),
    ],
)
def test_marketing_to_who_wants_none_is_in_the_book(make_sender, how, template, after_ms, caught):
    words = 1.0 if how == "word" else 0.0
    sender = make_sender(replace(INSTANT, reactions=Reactions(stop_share=1.0, stop_in_words_share=words)))
    sender.template(ANN, 0, "black_friday_offer")
    sender.later(0)
    if how == "back":
        sender.world.prefer(NUMBER, ANN, "resume", 0)
    sender.template(ANN, after_ms, template)
    assert sender.violations() == caught


def test_verbs_refuse_what_makes_no_sense(make_sender):
    world = make_sender().world
    with pytest.raises(KeyError):
        world.inbound("1", ANN, 0)
    with pytest.raises(ValueError, match="user"):
        world.inbound(NUMBER, "nobody", 0)
    with pytest.raises(ValueError, match="stop or resume"):
        world.prefer(NUMBER, ANN, "maybe", 0)
    with pytest.raises(ValueError, match="messaging limit"):
        world.set_limit(PORTFOLIO, "TIER_3K", 0)


def played(make_sender, seed: int) -> str:
    sender = make_sender(STORM, seed=seed)
    for order in range(300):
        sender.template(f"+1650{order % 120:07d}", order * 60_000, opaque=f"id-{order}")
        if order % 7 == 0:
            sender.world.inbound(NUMBER, f"+1650{order:07d}", order * 60_000)
    sender.later(10 * DAY_MS)
    return sender.everything()


def test_the_same_seed_and_calls_give_the_same_world_to_the_byte(make_sender):
    assert played(make_sender, 1) == played(make_sender, 1)
    assert played(make_sender, 1) != played(make_sender, 2)


def test_the_fate_of_a_message_does_not_hang_on_when_others_are_looked_at(make_sender):
    behaviour = replace(STORM, webhook_delay=exactly(0), duplicated_share=0, reordered_share=0)
    one, other = make_sender(behaviour), make_sender(behaviour)
    for order in range(50):
        one.template(f"+1650{order:07d}", order * 1_000)
        body = {"messaging_product": "whatsapp", "to": f"+1650{order:07d}", "type": "template"}
        body["template"] = {"name": "order_confirmation", "language": {"code": "en_US"}}
        other.world.post_message(NUMBER, DEFAULT_TOKEN, body, order * 1_000)
    one.later(40 * DAY_MS)
    other.later(40 * DAY_MS)
    assert one.world.book.fates == other.world.book.fates


def test_a_careful_sender_uses_the_limit_and_is_never_caught(make_sender):
    late = replace(INSTANT, delivery_delay=Delay(((0.5, 1_000), (1.0, 30 * HOUR_MS))))
    sender = make_sender(late, limit=20)
    user = 0
    for hour in range(24 * 7):
        now_ms = hour * HOUR_MS
        sender.later(now_ms)
        while sender.world.state()["portfolios"][PORTFOLIO]["committed"] < 20:
            sender.template(f"+1650{user:07d}", now_ms)
            user += 1
    assert sender.violations() == []
    assert sender.world.utilisation(PORTFOLIO, 0, 7 * DAY_MS) > 0.95


def test_a_sender_that_counts_by_acceptance_is_caught_by_late_deliveries(make_sender):
    sender = make_sender(replace(INSTANT, delivery_delay=exactly(12 * HOUR_MS)), limit=20)
    for day in range(3):
        for order in range(20):
            sender.template(f"+165{day}{order:07d}", day * DAY_MS)
    assert sender.violations().count("over_limit") == 40


def test_a_number_does_not_write_to_itself(make_sender):
    assert make_sender().template("+1 555 078 3881", 0) == 131021


def test_a_login_code_is_not_sent_to_a_user_id(make_sender):
    body = {"messaging_product": "whatsapp", "recipient": "US.277112087", "type": "template"}
    body["template"] = {"name": "login_code", "language": {"code": "en_US"}}
    assert make_sender().post(body, 0) == 131062


def test_violations_can_be_asked_for_by_kind_and_are_reported(make_sender):
    sender = make_sender(limit=1)
    sender.template(ANN, 0, opaque="id-1")
    sender.template(BOB, 1, opaque="id-1")
    book = sender.world.book
    assert [violation.opaque for violation in book.of(ViolationKind.OVER_LIMIT)] == ["id-1"]
    report = book.report(most=2)
    assert report["violations"]["over_limit"] == report["violations"]["duplicate"] == 1
    assert report["violations"]["pair"] == 0
    assert [violation["kind"] for violation in report["evidence"]] == ["over_limit", "duplicate"]


def test_nothing_that_is_printed_shows_a_phone_number_or_a_token(make_sender):
    sender = make_sender(limit=1)
    sender.template(ANN, 0)
    sender.template(BOB, 0)
    world = sender.world
    shown = repr([world.book.accepted, world.book.violations, world.estate.wabas, SimulatorConfig()])
    assert not [secret for secret in (ANN[1:], BOB[1:], DEFAULT_TOKEN, "app-secret") if secret in shown]
