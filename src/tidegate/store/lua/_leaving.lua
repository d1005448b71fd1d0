-- leaving: messages that leave the queue in a call of `admit`. Which ones are queued for a recipient is read once, and
-- what the queue is to forget is told it together (`queue_forget`).
local function queue_forget(book)
  local prefix, left, lanes, alone = book.prefix, book.left, book.left_lanes, book.alone
  if left and left[1] then
    redis.call('ZREM', prefix .. 'deadlines', unpack(left))
    -- Whoever has a lease was taken out of its lane with that.
    if redis.call('ZREM', prefix .. 'leases', unpack(left)) < #left then
      for i, id in ipairs(left) do lane_drop(names_of(book), id, lanes[i]) end
    end
    if alone[1] then redis.call('HDEL', prefix .. 'queued_for', unpack(alone)) end
  end
  book.queue_forget, book.left, book.left_lanes, book.alone, book.queued = queue_forget, {}, {}, {}, {}
end

local function queue_of(book, recipient)
  if not book.queued then queue_forget(book) end
  local ids = book.queued[recipient]
  if not ids then
    ids = redis.call('HGET', book.prefix .. 'queued_for', recipient) or ''
    book.queued[recipient] = ids
  end
  return ids
end

local function queue_leave(book, recipient, id, lane)
  local is_alone, left, alone = queue_of(book, recipient) == id, book.left, book.alone
  left[#left + 1], book.left_lanes[#left + 1] = id, lane
  if is_alone then
    alone[#alone + 1] = recipient
  else
    queue_forget(book)
    queued_for(names_of(book), recipient, id, false)
  end
end

-- Lets others that are queued for this recipient be tried at once.
local function queue_wake(book, recipient, id, now)
  local ids = queue_of(book, recipient)
  if ids ~= '' and ids ~= id then
    queue_forget(book)
    wake_queued(names_of(book), recipient, now)
  end
end
