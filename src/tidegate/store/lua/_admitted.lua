-- admitted: what all sends of a call of `admit` change is written once; before that (`so_far`) no more than the strings,
-- where what comes next may have to read them.
write = function(so_far)
  texts_write()
  if so_far then return end
  tallies_write(now)
  for b = 1, #books do
    local book = books[b]
    local stood = book.stood
    if book.firsts then redis.call('ZADD', book.calendar, 'LT', unpack(book.firsts)) end
    places_write(book, begun_in)
    if stood then
      local change, n = NONE, 0
      if book.change ~= 0 then change, n = { 'used', book.used_before + book.change, false, false }, 2 end
      for field = 3, book.n do
        local turn = stood[field]
        -- A turn that was not taken is still the text that was read.
        if turn and turn == turn + 0 then
          if n == 0 then change = {} end
          -- To the microsecond, which is what a turn takes.
          local us = turn * 1000 + 0.5
          change[n + 1], change[n + 2] = book.fields[field], (us - us % 1) / 1000
          n = n + 2
        end
      end
      if n > 0 then redis.call('HSET', book.ledger, unpack(change, 1, n)) end
      if book.intents[1] then redis.call('ZADD', book.prefix .. 'inflight', unpack(book.intents)) end
      if book.lanes then book.lanes_leave(book.k, book.lanes) end
    end
  end
end
