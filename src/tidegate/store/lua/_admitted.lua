-- admitted: what all sends of a call of `admit` change is written once.
write = function()
  texts_write()
  for i = 1, #stands do
    local stand = stands[i]
    if stand.is_taken then
      redis.call('INCRBY', stand.key, stand.stood - stand.began)
      -- Its name says of which span it is, and so when it ends: once is enough.
      if not found[stand.at] and stand.ends ~= 0 then
        redis.call('PEXPIRE', stand.key, math.max(1000, stand.ends - now))
      end
      -- The first recipient of a warm-up ("warm:<subject>:0") tells when it began.
      local subject = string.match(stand.name, '^warm:(.*):0$')
      if subject then redis.call('HSETNX', stand.prefix .. 'ramps', subject, now) end
    end
  end
  for b = 1, #books do
    local book = books[b]
    local prefix = book.prefix
    if book.held[1] then redis.call('HSET', prefix .. 'holds', unpack(book.held)) end
    if held then held.write(book) end
    -- The book of an app, which what few sends need has added, has no more.
    if book.intents then
      local begun = book.begun + #book.held / 2
      if begun > 0 then redis.call('HINCRBY', prefix .. 'releases', begun_in, begun) end
      local firsts = book.firsts
      if firsts and firsts[1] then redis.call('ZADD', prefix .. 'calendar', 'LT', unpack(firsts)) end
      local change, n = { 'used', book.used, false, false, false, false, false, false }, 0
      if book.used ~= book.stood then n = 2 end
      local paced, intents = book.paced, book.intents
      if intents[1] then
        -- As _intents.lua has it: another call of this ms may have been before.
        local before = book.were_sending > 0 and redis.call('HGET', book.ledger, now_text)
        local ids = table.concat(intents, ' ')
        change[n + 1], change[n + 2] = now_text, before and before .. ' ' .. ids or ids
        change[n + 3], change[n + 4] = left_text, book.were_sending + #intents
        n = n + 4
        local since = book.sending_since
        if not since or now < since + 0 then
          change[n + 1], change[n + 2] = 'sending_since', now_text
          n = n + 2
        end
        if next(paced) then
          -- A turn that has come is as none.
          for number, turn in pairs(paced) do
            if turn <= now then paced[number] = nil end
          end
          change[n + 1], change[n + 2] = 'paced', cmsgpack.pack(paced)
          n = n + 2
        end
      end
      if n > 0 then redis.call('HSET', book.ledger, unpack(change, 1, n)) end
      if book.queue_forget then book.queue_forget(book) end
    end
  end
end
