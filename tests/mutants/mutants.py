"""Ways in which the scripts could be wrong: data, each with the story that tells it from the original."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Mutant:
    """A script or a fragment (`_places`) with one text replaced by another, which occurs in it exactly once."""

    name: str
    script: str
    old: str
    new: str


MUTANTS: Final = [
    # Places.
    Mutant("a place is still held at its end", "_places", "  if ends <= now then", "  if ends < now then"),
    Mutant("a held place counts at its end", "admit", "if place.ends > now then", "if place.ends >= now then"),
    Mutant("one place more than there are", "admit", "and used >= places)", "and used > places)"),
    Mutant("one place less than there are", "admit", "and used >= places)", "and used + 1 >= places)"),
    Mutant("nothing is swept before a denial", "admit", "used = sweep(k, now, used, places, 100000)", "used = used"),
    Mutant("a look does not see what has ended", "admit", "used = sweep(k, now, used, 0, 1000)", "used = used"),
    Mutant("the book is read unswept", "capacity", "sweep(k, now, tonumber(books[2] or 0), 0, 20000)",
           "tonumber(books[2] or 0)"),
    Mutant("sweeping stops before the last millisecond", "_places",
           "redis.call('ZREMRANGEBYSCORE', k.places .. bucket, '-inf', digits(now))",
           "redis.call('ZREMRANGEBYSCORE', k.places .. bucket, '-inf', '(' .. digits(now))"),
    Mutant("the calendar keeps the latest end instead of the earliest", "_places", "k.calendar, 'LT',",
           "k.calendar, 'GT',"),
    Mutant("a bucket leaves the calendar when it is swept", "_places",
           "if first[1] then redis.call('ZADD', k.calendar, first[2], bucket) else",
           "if false then redis.call('ZADD', k.calendar, first[2], bucket) else"),
    Mutant("a place ends with its last hold instead of its longest", "_places",
           "ends, expected = math.max(ends, hold.ends), math.max(expected, hold.expected)",
           "ends, expected = math.min(ends == 0 and hold.ends or ends, hold.ends), math.max(expected, hold.expected)"),
    Mutant("a hold that has ended is carried on", "_places", "if hold.ends > now then", "if true then"),
    Mutant("used is not decremented when a place is given back", "_places",
           "redis.call('HINCRBY', k.ledger, 'used', -1)", "redis.call('HINCRBY', k.ledger, 'used', 0)"),
    Mutant("used is not incremented when a place is taken", "_places",
           "redis.call('HINCRBY', k.ledger, 'used', 1)", "redis.call('HINCRBY', k.ledger, 'used', 0)"),
    Mutant("used is not decremented by sweeping", "_places", "'used', -#due / 2)", "'used', 0)"),
    Mutant("the curve keeps what was given back", "_places",
           "    expect(k, place.expected, -1)\n    redis.call('HINCRBY'",
           "    redis.call('HINCRBY'"),
    Mutant("a holder takes a second place", "_places", "  if held then return 0 end\n  redis.call('HINCRBY'",
           "  redis.call('HINCRBY'"),
    # Admission.
    Mutant("the repeated call is not recognised", "admit",
           "if state == 'sending' and record[2] == attempt and not dry then",
           "if false then"),
    Mutant("the fence is skipped", "admit",
           "not (state == 'queued' and record[2] == attempt)", "not (state == 'queued')"),
    Mutant("the epoch is not checked", "admit", "if epoch_now ~= epoch then", "if false then"),
    Mutant("the deadline is not checked", "admit", "if now >= deadline then", "if false then"),
    Mutant("it may start at its deadline", "admit", "if now >= deadline then", "if now > deadline then"),
    Mutant("the window's margin is ignored", "admit", "window - margin_ms > now", "window > now"),
    Mutant("a window is open at its end", "admit", "window - margin_ms > now", "window - margin_ms >= now"),
    Mutant("the pair's turn is not written", "admit", "pair_tat = math.max(pair_tat, now) + pair_emission",
           "pair_tat = math.max(pair_tat, now)"),
    Mutant("the pair's tolerance is ignored", "admit", "pair_tat - pair_tolerance", "pair_tat"),
    Mutant("the pair's turn is not waited for", "admit", "(pair_emission > 0 and pair_at > now)", "false"),
    Mutant("the number's turn is not written", "admit",
           "math.max(tat, now) + emission_us / 1000", "math.max(tat, now)"),
    Mutant("the number's turn comes a millisecond early", "admit", "math.ceil(tat", "math.floor(tat"),
    Mutant("what was borrowed is forgotten", "admit", "math.max(tat, now) + emission_us / 1000",
           "now + emission_us / 1000"),
    Mutant("a turn in shadow is waited for", "admit", "and not pair_shadow)", ")"),
    Mutant("debt in shadow grows for ever", "admit", "if turn_shadow then", "if false then"),
    Mutant("a claim does not tell the epoch", "claim", "tonumber(redis.call('HGET', k.ledger, 'epoch') or 0), wake",
           "0, wake"),
    Mutant("a look takes", "admit", "if denied or dry then", "if denied then"),
    Mutant("a denied send writes its intent", "admit", "if denied or dry then", "if dry then"),
    Mutant("a new place does not wake those who wait for the same user", "admit",
           "if counted == 0 then wake_queued(k, recipient, now) end", ""),
    # Outcomes.
    Mutant("a place is released on an unknown outcome", "settle", "if release ~= '1' or", "if"),
    Mutant("a place is released by another attempt", "settle", "if not record[1] or record[2] ~= attempt then",
           "if not record[1] then"),
    Mutant("a proven failure keeps its place", "settle", "  place.holds[id] = nil\n", ""),
    Mutant("an outcome that never came is sent again", "reap",
           "become(id, record, 'unknown',", "become(id, record, 'queued',"),
    # Statuses.
    Mutant("a status goes backwards", "refresh", "if rank <= rank_now then", "if false then"),
    Mutant("a message counts again when it is read", "refresh", "if says == 'counts' and not record[7] then",
           "if says == 'counts' then"),
    Mutant("a delivery is taken for the begin of its second", "refresh", "at + 999)", "at)"),
    Mutant("a delivery counts from when it is told", "refresh", "math.min(math.max(at, now), at + 999)",
           "math.max(at, now)"),
    Mutant("a delivery may be before its send", "refresh", "math.max(admitted, ", "math.max(0, "),
    Mutant("a delivery does not extend its place", "refresh",
           "math.max(place.counted, delivered + DAY)", "place.counted"),
    Mutant("a time from nowhere is believed", "refresh", "  at = math.min(at, now + DAY)\n", ""),
    Mutant("a doubtful failure holds as long as a message on its way", "refresh",
           "place.holds[id].ends = place.holds[id].expected", "place.holds[id].ends = place.holds[id].ends"),
    Mutant("a delivery at the window's end does not count", "refresh", "delivered >= window", "delivered > window"),
    Mutant("a late delivery never counts", "refresh", "and delivered >= window", "and false"),
    Mutant("what was sent after all stays in line", "refresh", "    lane_drop(k, id, record[8])\n", ""),
    # Windows.
    Mutant("a window runs from its arrival", "open_window", "math.min(tonumber(ARGV[i + 3]), now)", "now"),
    Mutant("a message from the future stretches a window", "open_window", "math.min(tonumber(ARGV[i + 3]), now)",
           "tonumber(ARGV[i + 3])"),
    Mutant("a late message shortens a window", "open_window", "if ends > now and ends > tonumber(window) then",
           "if ends > now then"),
    Mutant("an open window wakes nobody", "open_window", "    wake_queued(k, recipient, now)\n", ""),
    # The queue.
    Mutant("a claim does not move the fence", "claim", "redis.call('HINCRBY', k.message .. id, 'attempt', 1)",
           "redis.call('HINCRBY', k.message .. id, 'attempt', 0)"),
    Mutant("a lapsed claim does not move the fence", "reap",
           "    redis.call('HINCRBY', k.message .. id, 'attempt', 1)\n", ""),
    Mutant("a claim leaves its message in line", "claim", "    redis.call('ZREM', source, id)\n", ""),
    Mutant("what is not due yet is claimed", "claim",
           "'-inf', digits(now), 'LIMIT', 0, most)", "'-inf', '+inf', 'LIMIT', 0, most)"),
    Mutant("more are claimed than there are places", "claim", "places < 0 and most or places - used", "most"),
    Mutant("what has no place does not wake with the next one", "claim", "anyone_waits = true", "anyone_waits = false"),
    Mutant("a lane without room wakes for what is due", "claim", "if #due < most then wake_by", "if true then wake_by"),
    Mutant("what was given back is given back again", "enqueue", "if record[2] ~= attempt or (", "if ("),
    Mutant("what is given back keeps its place", "enqueue", "  place.holds[id] = nil\n", ""),
    Mutant("a holder waits for a place", "enqueue", "if needs_place and place_load(k, recipient).ends > now then",
           "if false then"),
    Mutant("what is sent was cancelled", "cancel", "if record[1] ~= 'queued' then", "if not record[1] then"),
    Mutant("a deadline is overlooked", "reap",
           "for _, id in ipairs(due(k.deadlines)) do", "for _, id in ipairs({}) do"),
    Mutant("every reason is over", "rouse",
           "if string.find(ARGV[2], ' ' .. reason .. ' ', 1, true) then", "if true then"),
]  # fmt: skip
