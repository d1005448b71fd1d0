-- shares: the book of an app that has a share of the limit: the places that its own sends took, kept as the portfolio's.
--
-- A place is in it from when a send of the app took it, and for as long as messages of the app keep it by themselves:
-- what another app sends to the same recipient puts off the end of the place, and not of this. `about` says of a message
-- whether its app has a share. `tally:share:apps` names all apps that have such a book.
local function share_book(k, app)
  local own = k.tally .. 'share:' .. app .. ':'
  return setmetatable({ ledger = own .. 'ledger', places = own .. 'places:', calendar = own .. 'calendar',
    holds = own .. 'holds', releases = own .. 'releases' }, { __index = k })
end

local function share_books(k)
  local books = {}
  for i, app in ipairs(redis.call('SMEMBERS', k.tally .. 'share:apps')) do books[i] = share_book(k, app) end
  return books
end

-- How many places an app has, once so many have been freed that it has less than `wanted`, or all that have ended. Without
-- a bound (-1) nobody waits for them: some are freed, the rest by whoever comes next.
local function share_used(k, app, wanted, now)
  local book = share_book(k, app)
  return sweep(book, now, used_of(book), wanted, wanted < 0 and 1 or 100000)
end

-- The app whose share a message is of, by what was noted of it; else false.
local share_apps = {}
local function share_app(about)
  if not about then return false end
  local app = share_apps[about]
  if app == nil then
    local noted = string.find(about, '"share":', 1, true) and cjson.decode(about)
    app = noted and noted.share and noted.app or false
    share_apps[about] = app
  end
  return app
end

-- Changes the app's own place as the portfolio's `place` is changed, of which another app's send may have taken it.
local function share_change(k, about, recipient, place, now, change)
  local app = share_app(about)
  if not app then return end
  local book = share_book(k, app)
  local own = place_load(book, recipient)
  if own.ends <= now and place.ends > now then return end
  change(own)
  if place_save(book, own, now) > 0 then redis.call('SADD', k.tally .. 'share:apps', app) end
end
