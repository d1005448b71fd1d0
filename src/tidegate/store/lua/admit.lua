-- admit: take everything that a send needs, or nothing; for all sends of the moment in one call.
-- promised
--
-- KEYS     one block a portfolio (store/keys.py)
-- ARGV[1]  how many kinds of sends there are: those of one have all of this in common
-- ARGV[2+] a text a kind, packed by `struct`, for that is read in a quarter of the time (KIND in _asked.lua). Portfolio
--          (0 = first block), flags (1 dry run, 2 needs an open window, 4 counts; 8, 16: the pair's, the number's turns
--          are counted but not waited for; 32: more is told of each; 64: of an app that has a share), places (-1 no
--          limit), hold ms, ms for which a message is remembered, window margin ms, pair emission ms, pair tolerance ms,
--          throughput emission us, throughput tolerance us, time from which the decision does not hold (ms, 0 none), ms
--          for which a claim is kept, how many tallies there are; as texts attempt, epoch of the decision, further turns
--          (a JSON list, or nothing: _paces.lua); then the tallies (_asked.lua)
-- ARGV     then of all sends in one text each: which of these it is of, a byte (0 is the first; '' all), and their deadlines
--          (ms), packed as doubles, the earliest before all
-- ARGV     then 5 a send: message id, recipient (16 bytes), number, about (text), name of what it claims to be the only one
--          of (_once.lua; '' nothing); where more is told, 4 more: version of the user's record that it rests on (else 0:
--          there is none), that record as it is to be once the send is taken ('' = as it is), when that may be forgotten
--          (ms, 0 never), what a further try would need (sealed, '' none)
--
-- Returns now, then of a send that was taken as most are (no further turns, and no turn that it did not wait for) 2 more
-- than twice the places used, and 1 more where it was counted before; less than 0 where a window is known, whose end
-- follows; then what each tally stood at. Else 13 values: taken, epoch, gone (1 not this attempt's any more, 2 past its
-- deadline, 3 the user's record is another one, 4 the decision holds no longer, 5 what it claims is another's: look
-- there), repeated, window end, counted, used, pair turn, throughput turn (ms); version of the user's record, and that
-- record where the version is another; the turns' times and what the tallies stand at, separated by spaces. An epoch
-- other than the one given: nothing was taken. A denied send changes nothing. Run again with the same message and
-- attempt it changes nothing and answers `repeated`. What all sends of a call change is read once and written once.
--
-- A call makes each function of its script anew: what few sends need is made where one does, and what all of them need
-- stands here as it goes. What was taken is in the books, whatever breaks on the way.
local write
local done, answer = pcall(function()
  -- What few sends need.
  local held, met, paces, read_once
  -- with: begins, time, places, allowances, asked, texts, admitted
  local told, answer = 1, { now }
  local function names_of(book)
    if not book.k then
      -- with: keys
      book.k = keys_of(book.portfolio - 1)
    end
    return book.k
  end
  -- What stands in the midst of a message's record is mostly what it is in the one before.
  local middle, tallied, middle_place, middle_window, middle_taken, middle_attempt
  local dry, counts, pair_shadow
  at, look, which = first, first_look, nil
  for s = 1, n do
    local kind = kinds and byte(of_kind, s) or 0
    if kind ~= which then
      which = kind
      if kinds then
        book, flags, places, hold_ms, remember_ms, margin_ms, pair_emission, pair_tolerance, emission_us,
          tolerance_us, valid_until, claim_ms, attempt, epoch, turns, tallies, ends, stamp_of_end, times, pair_text, turn =
          unpack(kinds[kind + 1])
      end
      if not ends then
        ends, turn = now + hold_ms, now + emission_us / 1000
        stamp_of_end = stamp(ends)
        times, pair_text = format(',%d,%d', expected, ends), format('0 %d', now + pair_emission)
        if kinds then
          local common = kinds[kind + 1]
          common[17], common[18], common[19], common[20], common[21] = ends, stamp_of_end, times, pair_text, turn
        end
      end
      dry, counts, pair_shadow, step = flags % 2 == 1, flags % 8 >= 4, flags % 16 >= 8, flags % 64 >= 32 and 9 or 5
    end
    local id, recipient, number, about = argv[at], argv[at + 1], argv[at + 2], argv[at + 3]
    local message_key, pair_key, places_key = unmet[2 * s - 1], looks[look], looks[look + 1]
    local pair, place_text, claimed = found[look], found[look + 1], nil
    local is_again = again[s]
    local is_known, user_version, body, claim_key = is_any_known or is_again, 0, '', nil
    if step > 5 then user_version, body = argv[at + 5] + 0, argv[at + 8] end
    look = look + 2
    if argv[at + 4] ~= '' then
      claim_key, claimed = looks[look], found[look]
      look = look + 1
    end
    if is_again then
      texts_write()
      pair, place_text = redis.call('GET', pair_key), redis.call('GET', places_key)
      claimed = claim_key and redis.call('GET', claim_key)
    end

    -- What is told of it, but where it is taken as most are: then that is in the answer already. Left at once where the
    -- rest does not matter.
    local seen
    repeat
      -- Is it still this attempt's to send?
      local record, state = NONE, nil
      if (is_known or is_any_queued) and not met then
        -- with: message, queue, leaving
        met = { read = message_read, leave = queue_leave, wake = queue_wake }
      end
      if is_known then
        -- Most that are known come out of the queue, and have nothing but fields of their own.
        local is_text = is_again or message_texts[s]
        record = is_text and NONE
          or redis.call('HMGET', message_key, 'state', 'attempt', 'history', 'recipient', 'lane', 'doubt', 'packed')
        if is_text or record[7] then
          record = met.read(names_of(book), id, 'state', 'attempt', 'history', 'recipient', 'lane', 'doubt')
        end
        state = record[1]
        if state == 'sending' and record[2] == attempt and not dry then
          seen = { 1, epoch + 0, 0, 1 }
          break
        end
        if state and not dry and not (state == 'queued' and record[2] == attempt) then
          seen = { 0, epoch + 0, 1 }
          break
        end
      end

      -- Is it the only one of its kind? Whoever knows the answer of another one is asked before all else.
      if claimed then
        if not read_once then
          -- with: once
          read_once = once_read
        end
        local since, holder, _, answered = read_once(claimed)
        if now - since < claim_ms and (holder ~= id or answered) then
          seen = { 0, epoch + 0, 5 }
          break
        end
      end
      if now >= earliest and now >= deadline_of(s) then
        seen = { 0, epoch + 0, 2 }
        break
      end

      -- Is the decision still made under today's standing?
      if book.epoch ~= epoch and book.epoch + 0 ~= epoch + 0 then
        seen = { 0, book.epoch + 0, 0, 0, 0, 0, book.used }
        break
      end
      if valid_until > 0 and now >= valid_until then
        seen = { 0, epoch + 0, 4 }
        break
      end

      -- Does it rest on what is known of the user today?
      local version = 0
      if is_any_user_known or is_again or user_version > 0 then
        local user_key = book.prefix .. USER .. recipient
        version = (redis.call('HGET', user_key, 'v') or 0) + 0
        if version ~= user_version then
          seen = { 0, epoch + 0, 3, 0, 0, 0, book.used, 0, 0, version, redis.call('HGET', user_key, 'r') or '' }
          break
        end
      end

      -- The recipient's service window and the pair's next turn.
      local window, pair_tat, pair_at, open = 0, 0, 0, false
      if pair then
        local a, b = string.match(pair, '^(%d+) (%d+)$')
        window, pair_tat = a + 0, b + 0
        pair_at, open = pair_tat - pair_tolerance, window - margin_ms > now
      end

      -- The number's next turn.
      local paced = book.paced
      local tat, turn_at = paced[number] or 0, 0
      if tat > now then turn_at = math.ceil(tat - tolerance_us / 1000) end

      -- A place, unless the recipient holds one. Those whose end has come are freed first where no other is left, or there
      -- is no bound; else `reap` does that.
      local counted, used, needs_place, member, entry, place_ends = 0, book.used, counts and not open, nil, nil, 0
      if needs_place then
        if (dry or used >= places) and book.has_ended == nil then
          book.has_ended = redis.call('ZCOUNT', book.prefix .. 'calendar', '-inf', now) > 0
        end
        place_text, member = place_text or '', member_of(recipient)
        entry = place_text ~= '' and entry_at(place_text, member)
      end
      if not held and (entry or tallies.share or (needs_place and (book.has_ended or flags >= 64))) then
        -- with: holders, shares
        places_later(books)
        held = { load = place_load, save = place_save, sweep = sweep, write = places_write, rewritten = rewritten,
          share_used = share_used, share_change = share_change }
      end
      if needs_place then
        if book.has_ended then
          local k, sweep = names_of(book), held.sweep
          texts_write()
          if places >= 0 then used = sweep(k, now, used, places, 100000) end
          if dry then used = sweep(k, now, used, 0, 1000) end
          if not book.is_swept then used = sweep(k, now, used, 0, 1) end
          book.used, book.is_swept = used, true
          if held.rewritten[places_key] then
            place_text = redis.call('GET', places_key) or ''
            entry = entry_at(place_text, member)
          end
        end
        if entry then place_ends = stamped(place_text, entry + NAME) end
        if place_ends > now then counted = 1 end
      end

      -- Further paces and allowances.
      local turns_at, come = NONE, true
      if turns[1] then
        if not paces then
          -- with: paces
          paces = { look = turns_look, take = turns_take }
        end
        turns_at, come = paces.look(names_of(book), turns, now)
      end
      local share = tallies.share
      if share then
        share.stand.stood = held.share_used(names_of(book), string.sub(share.name, 7), share.limit, now)
      end
      local room = tallies_look(tallies, needs_place and counted == 0, open)

      local denied = (flags % 4 >= 2 and not open)
        or (needs_place and counted == 0 and places >= 0 and used >= places)
        or ((pair_emission > 0 and pair_at > now) and not pair_shadow)
        or ((emission_us > 0 and turn_at > now) and flags % 32 < 16)
      denied = denied or not come or not room
      if denied or dry or turns_at[1] or pair_at > now or turn_at > now then
        local tallied = {}
        for i = 1, #tallies do tallied[i] = digits(tallies[i].stand.stood) end
        seen = { denied and 0 or 1, epoch + 0, 0, 0, window, counted, used, pair_at, turn_at, version, '',
          table.concat(turns_at, ' '), table.concat(tallied, ' ') }
        if denied or dry then break end
      else
        told = told + 1
        answer[told] = 2 + 2 * used + counted
        if window > 0 then
          answer[told], answer[told + 1] = -answer[told], window
          told = told + 1
        end
      end

      -- All is there: take it.
      if needs_place then
        if place_ends == 0 then
          -- The first place of a recipient who has none: what `place_save` comes to for that, in fewer steps.
          local bucket, held_now, firsts = buckets[s], book.held, book.firsts
          local is_first = place_text == '' or ends < stamped(place_text, 1)
          if is_first then
            if firsts then
              local slot = #firsts + 1
              firsts[slot], firsts[slot + 1] = ends, bucket
            else
              -- At once: where the calendar is not what it should be, nothing else tells that this send was admitted.
              redis.call('ZADD', book.prefix .. 'calendar', 'LT', ends, bucket)
              book.firsts = {}
            end
          end
          if place_text == '' then text_put(0, places_key, stamp_of_end .. member .. stamp_of_end)
          elseif #place_text > SHORT then
            redis.call('APPEND', places_key, member .. stamp_of_end)
            if is_first then redis.call('SETRANGE', places_key, 0, stamp_of_end) end
          else
            if is_first then place_text = stamp_of_end .. string.sub(place_text, HEAD + 1) end
            text_put(0, places_key, place_text .. member .. stamp_of_end)
          end
          if book.holds then
            -- Its last place may be one that this call has swept: what is put there counts, and not that it was dropped.
            book.holds[bucket .. ':' .. member], book.begun = '0;' .. id .. times, book.begun + 1
          elseif held_now[1] then
            local slot = #held_now + 1
            held_now[slot], held_now[slot + 1] = bucket .. ':' .. member, '0;' .. id .. times
          else
            book.held = { bucket .. ':' .. member, '0;' .. id .. times }
          end
          book.used = used + 1
        else
          local k = names_of(book)
          local place = held.load(k, recipient)
          place.holds[id] = { expected = expected, ends = ends }
          book.used = used + held.save(k, place, now)
        end
        if counted == 0 and is_any_queued then met.wake(book, recipient, id, now) end
        if flags >= 64 then
          held.share_change(names_of(book), about, recipient, { ends = place_ends }, now, function(own)
            own.holds[id] = { expected = expected, ends = ends }
          end)
        end
      end
      if pair_emission > 0 then
        local text, lasting = pair_text, pair_emission + 1000
        if pair then
          pair_tat = math.max(pair_tat, now) + pair_emission
          -- Where nobody waits for it, debt must not grow for ever.
          if pair_shadow then pair_tat = math.min(pair_tat, now + pair_tolerance + pair_emission) end
          text, lasting = digits(window) .. ' ' .. digits(pair_tat), math.max(window, pair_tat) - now + 1000
        end
        text_put(lasting, pair_key, text)
      end
      if emission_us > 0 then
        local next_turn = turn
        if tat > now then next_turn = tat + emission_us / 1000 end
        if flags % 32 >= 16 then next_turn = math.min(next_turn, now + (tolerance_us + emission_us) / 1000) end
        paced[number] = next_turn
      end
      if claim_key then text_put(claim_ms, claim_key, now_text .. ' ' .. id .. ' ') end
      if turns_at[1] then paces.take(book.k, turns, now) end
      local taken = tallies_take(tallies, not seen and answer, told)
      if step > 5 and argv[at + 6] ~= '' then
        local user_key, user_expires = book.prefix .. USER .. recipient, argv[at + 7] + 0
        redis.call('HSET', user_key, 'v', math.max(version + 1, now), 'r', argv[at + 6])
        if user_expires > 0 then redis.call('PEXPIRE', user_key, math.max(1000, user_expires - now))
        else redis.call('PERSIST', user_key) end
      end

      -- The intent, before the first byte leaves.
      local place_kind = needs_place and '1' or (counts and '0' or '')
      -- One out of the queue keeps fields of its own where this is its further try, or one may follow.
      local is_apart = state and (body ~= '' or record[6] or string.find(about, 'at_least_once', 1, true))
      if is_apart then
        redis.call('HSET', message_key, 'state', 'sending', 'attempt', attempt, 'recipient', recipient, 'number', number,
          'place', place_kind, 'at', now_text, 'about', about, 'window', digits(window), 'tallies', taken,
          'history', (record[3] or '') .. now_text .. ' sending\n')
      else
        -- The packed form of what is known as it goes: _message.lua.
        if state then taken = taken .. '\n' .. digits(deadline_of(s)) .. '\n' .. record[3] end
        if taken ~= middle_taken or window ~= middle_window or place_kind ~= middle_place or attempt ~= middle_attempt then
          middle_taken, middle_window, middle_place, middle_attempt = taken, window, place_kind, attempt
          middle = struct.pack('<dddBs', now, window, #taken, string.byte(place_kind == '' and '-' or place_kind), attempt)
          tallied = '\0' .. taken
        end
        local sent = recipient .. middle .. number .. tallied .. about
        if body == '' then text_put(remember_ms, message_key, sent)
        else redis.call('HSET', message_key, 'packed', sent) end
      end
      if body ~= '' then redis.call('HSET', message_key, 'body', body, 'expires', digits(deadline_of(s))) end
      if is_apart or body ~= '' then redis.call('PEXPIRE', message_key, remember_ms) end
      local intents = book.intents
      if intents[1] then intents[#intents + 1] = id else book.intents = { id } end
      if state then met.leave(book, record[4] or recipient, id, record[5]) end
    until true
    if not seen then told = told + #tallies
    else
      for i = 1, 13 do answer[told + i] = seen[i] or (i <= 10 and 0 or '') end
      told = told + 13
    end
    at = at + step
  end
  return answer
end)
if write then write() end
if not done then error(answer, 0) end
return answer
