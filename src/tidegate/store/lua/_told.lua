-- told: what became of sends, as it is told. What is counted in one call is added up, and `outcomes_write` tells it in one
-- hash, `outcomes:told`, whatever it is counted in later: "<hour of admission since 1970> <where> <counter> <kind of send>"
-- -> how often. where: `s` in the outcomes of its scopes, `c` in the figures of its day, `b` in both. The kind is what was
-- noted of it, as JSON: all of it, or where something of one send is in that, what scopes and figures are of. Whoever reads
-- has that carried over first (sum_outcomes).
local CATEGORIES = { marketing = true, utility = true, authentication = true }
local byte, find, sub = string.byte, string.find, string.sub
-- Of each portfolio what was noted, by what is before and after its number, and the last of these; and what is added up: by
-- hour, by kind, by " <where> <counter> ".
local outcomes_likes, outcomes_last, outcomes_sums = {}, {}, {}
-- The time that was asked for last, and its hour: those of a call have few.
local outcomes_at, outcomes_hour = nil, 0

-- What sends have in common that differ in nothing but their number (digits): `same`, and by number what was noted of them.
-- `is_begun`: by us, and not as an answer; `is_counted`: in some scope; `may_answer` what a user has asked: no campaign's
-- does, nor marketing or a login code.
local function outcomes_like(k, begins, ends, text)
  local likes = outcomes_likes[k]
  if not likes then
    likes = {}
    outcomes_likes[k], outcomes_sums[k] = likes, {}
  end
  local some = likes[begins]
  if not some then
    some = {}
    likes[begins] = some
  end
  local like = some[ends]
  if like then return like end
  local about = cjson.decode(text ~= '' and text or '{}')
  local category = about.category
  local is_begun = about.number and CATEGORIES[category]
  like = { begins = begins, ends = ends, size = #begins, ends_size = #ends, numbers = {},
    same = { about = about, number = about.number, is_marketing = category == 'marketing', is_begun = is_begun,
      is_counted = is_begun or (about.number and (about.app or '') ~= ''),
      may_answer = not about.campaign and category ~= 'marketing' and category ~= 'authentication',
      -- Of one send: its row in a campaign, what is sealed of it, when its user got marketing before.
      is_one = about.campaign or about.opaque or about.to or about.marketing_at } }
  some[ends] = like
  return like
end

-- What was noted of a message, read: `text` from there (else all of it) to its end. Nil where other lines follow.
local function outcomes_about(k, text, from)
  from = from or 1
  local like, number = outcomes_last[k], ''
  local at = like and find(text, like.begins, from, true) == from and find(text, '"', from + like.size, true)
  if at and find(text, like.ends, at, true) == at and at + like.ends_size > #text then
    number = sub(text, from + like.size, at - 1)
  elseif find(text, '\n', from, true) then return nil
  else
    if from > 1 then text = sub(text, from) end
    local _, before = find(text, '"number":"', 1, true)
    if before then
      at = find(text, '"', before + 1, true)
      number, like = sub(text, before + 1, at - 1), outcomes_like(k, sub(text, 1, before), sub(text, at), text)
      outcomes_last[k] = like
    else like = outcomes_like(k, text, '', text) end
  end
  local noted = like.numbers[number]
  if not noted then
    local same = like.same
    local own = number ~= '' and number or same.number
    -- `digits`: its number as it stands in the text; `reached`: begins the names of what that number's users got last.
    noted = { k = k, like = like, same = same, digits = number, number = own, reached = own and k.reached .. own .. ':',
      hour = 0, sums = false }
    like.numbers[number] = noted
  end
  return noted
end

-- What this call adds up of such a send, of those that were admitted in the hour of `at`: " <where> <counter> " -> how often.
local function outcomes_of(noted, at)
  if at ~= outcomes_at then outcomes_at, outcomes_hour = at, math.floor(at / 3600000) end
  local hour = outcomes_hour
  if noted.hour == hour then return noted.sums end
  local kind, about = noted, noted.same.about
  if noted.same.is_one then
    kind = cjson.encode({ app = about.app, number = noted.number, waba = about.waba, category = about.category,
      template = about.template, campaign = about.campaign, step = about.step, variant = about.variant })
  end
  local hours = outcomes_sums[noted.k]
  local kinds = hours[hour]
  if not kinds then
    kinds = {}
    hours[hour] = kinds
  end
  local sums = kinds[kind]
  if not sums then
    sums = {}
    kinds[kind] = sums
  end
  noted.hour, noted.sums = hour, sums
  return sums
end

-- Tells what was added up. What finds no room is carried over at once. `carry`: scopes_carry, with the time and for how long
-- it is kept.
local function outcomes_write(carry)
  local call = redis.call
  for k, hours in pairs(outcomes_sums) do
    local key, fields, adds, n = k.outcomes .. 'told', {}, {}, 0
    for hour, kinds in pairs(hours) do
      local begins = string.format('%d', hour)
      for kind, sums in pairs(kinds) do
        local before, number, after = kind, '', ''
        if type(kind) == 'table' then before, number, after = kind.like.begins, kind.digits, kind.like.ends end
        for what, by in pairs(sums) do
          n = n + 1
          fields[n], adds[n] = begins .. what .. before .. number .. after, by
        end
      end
    end
    if n > 0 then
      -- Read and written together: one by one they take twice as long.
      local stood, flat, fresh = call('HMGET', key, unpack(fields)), {}, nil
      for i = 1, n do
        local before, field, by = stood[i], fields[i], adds[i]
        if not before then
          fresh = fresh or {}
          fresh[#fresh + 1], fresh[#fresh + 2] = field, by
        end
        flat[2 * i - 1], flat[2 * i] = field, (before or 0) + by
      end
      call('HSET', key, unpack(flat))
      if fresh then
        call('PEXPIRE', key, '34560000000')
        if call('HLEN', key) > 512 then carry(k, fresh) end
      end
    end
  end
end
