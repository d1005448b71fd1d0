"""Campaigns in the store: one record each, changed only by whoever has seen its last revision."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import replace

import pytest

from tests.factories import DAY_MS, NOW_MS, PORTFOLIO, make_campaign, make_seal
from tidegate.policy.campaign.spec import Row
from tidegate.policy.identity import Identity
from tidegate.store import campaigns as store_campaigns
from tidegate.store.audiences import Audiences, Chunk, ErasedRow, Rejected, packed_errors
from tidegate.store.campaigns import Audience, CampaignRecord, Campaigns, Full, Group, audience_keys
from tidegate.store.fates import Fates
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script

KEYS = PortfolioKeys(PORTFOLIO)
IDENTITY = Identity(b"i" * 32)
ROWS = [Row(1, 1, "15550001", {"first_name": "Annabelle"}), Row(2, 3, "US.1a", {"first_name": "Bob"}, "staff")]


def digest(row: Row) -> bytes:
    return IDENTITY.of(row.kind, row.to)


WHO = b"".join(digest(row)[:4] for row in ROWS)


def started(record: CampaignRecord) -> CampaignRecord:
    return replace(record, progress={"state": "running"})


async def made(client: StoreClient, campaign_id: str = "cmp-1") -> tuple[Campaigns, CampaignRecord]:
    await client.set(KEYS.clock, f"@{NOW_MS}")
    campaigns = Campaigns(client, [PORTFOLIO])
    record = await campaigns.create(make_campaign(campaign_id))
    assert isinstance(record, CampaignRecord)
    return campaigns, record


async def uploaded(client: StoreClient, campaigns: Campaigns, record: CampaignRecord, upload: str) -> CampaignRecord:
    audiences = Audiences(client, [PORTFOLIO], make_seal(), campaigns)
    sealed = audiences.sealed(record.campaign, upload, Chunk(0, 0), ROWS, WHO)
    errors = packed_errors([Rejected(2, "no number")])
    await audiences.put(record.campaign, upload, [sealed], [(0, errors)])
    done = await audiences.finish(record, Audience(upload, 2, 0, 1, NOW_MS, (Group(2, 1),), 1))
    assert done is not None
    return done


async def test_a_new_campaign_is_a_draft_that_is_found_and_listed(store_client: StoreClient) -> None:
    campaigns, record = await made(store_client)
    assert (record.state, record.revision, record.audience) == ("draft", 1, None)
    assert await campaigns.get(PORTFOLIO, "cmp-1") == record
    assert await campaigns.list(PORTFOLIO) == [record]
    assert await campaigns.get(PORTFOLIO, "cmp-2") is None


async def test_a_campaign_is_changed_by_whoever_has_seen_its_last_revision(store_client: StoreClient) -> None:
    campaigns, record = await made(store_client)
    after = await campaigns.swap(record, started(record))
    assert after is not None
    assert (after.state, after.revision) == ("running", 2)
    assert await campaigns.swap(record, replace(record, progress={"state": "paused"})) is None
    assert await campaigns.get(PORTFOLIO, "cmp-1") == after
    assert await campaigns.change(PORTFOLIO, "cmp-1", lambda known: None) == after
    changed = await campaigns.change(PORTFOLIO, "cmp-1", started)
    assert changed is not None
    assert changed.revision == 3
    assert await campaigns.change(PORTFOLIO, "cmp-2", started) is None


async def test_a_write_whose_answer_was_lost_is_written_once(store_client: StoreClient) -> None:
    campaigns, record = await made(store_client)
    keys = [KEYS.clock, KEYS.campaign("record", "cmp-1"), KEYS.campaigns, KEYS.campaigns_of("app")]
    args: list[str | bytes | int] = ["cmp-1", 1, b"{}", NOW_MS + DAY_MS, 10, 10, 0, "call-1"]
    assert await script("campaign_write")(store_client, keys, args) == [NOW_MS, 2]
    assert await script("campaign_write")(store_client, keys, args) == [NOW_MS, 2]
    assert await script("campaign_write")(store_client, keys, [*args[:-1], "call-2"]) == [NOW_MS, 0]
    # Nothing that this version understands: it is let be.
    assert await campaigns.list(PORTFOLIO) == []
    assert await campaigns.swap(record, record) is None


async def test_a_portfolio_has_so_many_campaigns_and_no_more(
    store_client: StoreClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_campaigns, "MOST_KEPT", 2)
    campaigns, first = await made(store_client)
    assert await campaigns.create(make_campaign("cmp-2")) != Full.PORTFOLIO
    assert await campaigns.create(make_campaign("cmp-3")) is Full.PORTFOLIO
    assert await campaigns.swap(first, started(first)) is not None
    # Those whose time is over make room.
    await store_client.set(KEYS.clock, f"@{NOW_MS + 48 * DAY_MS}")
    assert isinstance(await campaigns.create(make_campaign("cmp-3")), CampaignRecord)


async def test_an_app_has_so_many_of_them_and_leaves_room_for_others(
    store_client: StoreClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_campaigns, "MOST_OF_APP", 1)
    campaigns, first = await made(store_client)
    another = make_campaign("cmp-2")

    assert await campaigns.create(another) is Full.APP
    assert isinstance(await campaigns.create(replace(another, app="another app")), CampaignRecord)
    assert await campaigns.create(replace(another, app="another app")) is None
    assert await campaigns.delete(first)
    assert isinstance(await campaigns.create(replace(another, campaign_id="cmp-3")), CampaignRecord)


@pytest.mark.parametrize(
    ("progress", "days"),
    [
        ({"state": "running", "since_ms": NOW_MS + DAY_MS}, 47),
        ({"state": "finished", "since_ms": NOW_MS + DAY_MS}, 41),
        ({"state": "cancelled", "since_ms": NOW_MS + 8 * DAY_MS}, 47),
    ],
    ids=[
        "one that runs, from its deadline on",
        "one that is over, from its end on",
        "one that ended late, all the same",
    ],
)
async def test_a_campaign_is_kept_for_40_days_with_all_that_is_of_it(
    store_client: StoreClient, progress: dict[str, object], days: int
) -> None:
    campaigns, record = await made(store_client)
    record = await uploaded(store_client, campaigns, record, "u1")
    await Fates(store_client, [PORTFOLIO]).open(PORTFOLIO, "cmp-1", 2, NOW_MS + 47 * DAY_MS)

    after = await campaigns.swap(record, replace(record, progress=progress))

    assert after is not None
    kept = [key for key in await store_client.keys("*") if b"campaign:" in key]
    assert len(kept) == 5
    assert {round(await store_client.pttl(key) / DAY_MS) for key in kept} == {days}
    assert await store_client.zrange(KEYS.campaigns, 0, -1, withscores=True) == [(b"cmp-1", NOW_MS + days * DAY_MS)]


async def test_an_audience_is_read_as_it_was_put_and_goes_with_its_campaign(store_client: StoreClient) -> None:
    campaigns, record = await made(store_client)
    record = await uploaded(store_client, campaigns, record, "u1")
    audiences = Audiences(store_client, [PORTFOLIO], make_seal(), campaigns)
    assert record.audience is not None
    assert audiences.chunks(record, 0) == [Chunk(0, 0)]
    assert await audiences.rows(record, Chunk(0, 0)) == ROWS
    assert [lines async for lines in audiences.rejected(record)] == [[Rejected(2, "no number")]]
    kept = audience_keys(KEYS, "cmp-1", record.audience)
    lasts = [await store_client.pttl(key) for key in kept]
    assert [round(ms / DAY_MS) for ms in lasts] == [47, 47]
    await Fates(store_client, [PORTFOLIO]).open(PORTFOLIO, "cmp-1", 2, NOW_MS + DAY_MS)
    assert await campaigns.delete(record)
    assert [key for key in await store_client.keys("*") if b"campaign" in key] == []


def readable(value: bytes) -> bytes:
    """What anybody may read of a value who has no key."""
    try:
        return value + zlib.decompress(value)
    except zlib.error:
        return value


async def test_no_number_and_no_name_is_in_the_store_to_be_read(store_client: StoreClient) -> None:
    campaigns, record = await made(store_client)
    await uploaded(store_client, campaigns, record, "u1")
    for key in await store_client.keys("*"):
        values = [readable(value) for value in await store_client.hvals(key)] if b":rows:" in key else []
        assert not [value for value in values if b"15550001" in value or b"Annabelle" in value]
        assert b"15550001" not in key


async def test_a_second_upload_takes_the_place_of_the_first(store_client: StoreClient) -> None:
    campaigns, record = await made(store_client)
    first = await uploaded(store_client, campaigns, record, "u1")
    second = await uploaded(store_client, campaigns, first, "u2")
    assert second.audience is not None
    assert second.audience.upload == "u2"
    kept = [key for key in await store_client.keys("*") if b":rows:" in key or b":errors:" in key]
    assert sorted(key.rsplit(b":")[5] for key in kept) == [b"u2", b"u2"]


async def test_an_upload_counts_only_while_the_campaign_is_as_it_was(store_client: StoreClient) -> None:
    campaigns, record = await made(store_client)
    assert await campaigns.swap(record, started(record)) is not None
    audiences = Audiences(store_client, [PORTFOLIO], make_seal(), campaigns)
    sealed = audiences.sealed(record.campaign, "u1", Chunk(0, 0), ROWS, WHO)
    await audiences.put(record.campaign, "u1", [sealed], [])
    assert await audiences.finish(record, Audience("u1", 2, 0, 0, NOW_MS, (Group(2, 1),))) is None
    [key] = [key for key in await store_client.keys("*") if b":rows:" in key]
    assert 0 < await store_client.pttl(key) <= 3_600_000
    await audiences.drop(record.campaign, "u1")
    assert not await store_client.exists(key)
    with pytest.raises(LookupError):
        await audiences.rows(record, Chunk(0, 0))


async def test_a_user_is_taken_out_of_an_audience_and_nobody_else(store_client: StoreClient) -> None:
    campaigns, record = await made(store_client)
    record = await uploaded(store_client, campaigns, record, "u1")
    audiences = Audiences(store_client, [PORTFOLIO], make_seal(), campaigns)
    ann, bob = map(digest, ROWS)
    alike = ann[:4] + bytes(12)
    for names, erased in (([alike], []), ([bytes(16)], []), ([alike, ann], [ErasedRow(1, 0)]), ([ann], [])):
        assert await audiences.erase(record, names, digest) == erased
    assert await audiences.rows(record, Chunk(0, 0)) == [Row(1, 1, "", {}), ROWS[1]]
    key = KEYS.campaign("rows", "cmp-1", "u1", 0)
    assert await store_client.hget(key, "who:0") == bytes(4) + bob[:4]
    assert await audiences.erase(record, [ann, bob], digest) == [ErasedRow(2, 0)]
    assert await store_client.pttl(key) > 40 * DAY_MS


async def test_those_whose_chunk_is_found_by_the_same_bytes_are_told_apart(store_client: StoreClient) -> None:
    campaigns, record = await made(store_client)
    record = await uploaded(store_client, campaigns, record, "u1")
    audiences = Audiences(store_client, [PORTFOLIO], make_seal(), campaigns)
    alike = {row.number: digest(ROWS[0])[:4] + bytes([row.number]) * 12 for row in ROWS}
    assert await audiences.erase(record, [alike[1]], lambda row: alike[row.number]) == [ErasedRow(1, 0)]
    assert await audiences.rows(record, Chunk(0, 0)) == [Row(1, 1, "", {}), ROWS[1]]


async def test_two_users_are_erased_at_once_and_neither_comes_back(
    store_client: StoreClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaigns, record = await made(store_client)
    record = await uploaded(store_client, campaigns, record, "u1")
    audiences = Audiences(store_client, [PORTFOLIO], make_seal(), campaigns)
    read = audiences._stored
    both = asyncio.Barrier(2)
    raced: list[Chunk] = []

    async def read_together(of: CampaignRecord, chunk: Chunk) -> bytes:
        found = await read(of, chunk)
        raced.append(chunk)
        if len(raced) <= 2:
            await both.wait()
        return found

    monkeypatch.setattr(audiences, "_stored", read_together)
    done = await asyncio.gather(*(audiences.erase(record, [digest(row)], digest) for row in ROWS))
    assert (done, len(raced)) == ([[ErasedRow(1, 0)], [ErasedRow(2, 0)]], 3)
    assert [row.to for row in await audiences.rows(record, Chunk(0, 0))] == ["", ""]


async def test_a_chunk_that_is_not_what_was_read_stays(store_client: StoreClient) -> None:
    await store_client.hset("rows", mapping={"0": b"now", "who:0": b"who"})
    swap = script("campaign_swap_chunk")
    assert await swap(store_client, ["rows"], [0, b"before", b"after", b"x"]) == 0
    assert await swap(store_client, ["rows"], [1, b"now", b"after", b"x"]) == 0
    assert await store_client.hgetall("rows") == {b"0": b"now", b"who:0": b"who"}
    assert await swap(store_client, ["rows"], [0, b"now", b"after", b"x"]) == 1
    assert await swap(store_client, ["rows"], [0, b"now", b"after", b"x"]) == 1
    assert await store_client.hgetall("rows") == {b"0": b"after", b"who:0": b"x"}
