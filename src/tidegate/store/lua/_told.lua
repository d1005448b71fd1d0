-- told: what became of sends, as it is told. What is counted in one call is added up, and `outcomes_write` tells it in one
-- hash, `outcomes:told`, whatever it is counted in later: "<hour of admission since 1970> <where> <counter> <kind of send>"
-- -> how often. where: `s` in the outcomes of its scopes, `c` in the figures of its day, `b` in both. The kind is what was
-- noted of it, as JSON: all of it, or where something of one send is in that, what scopes and figures are of. Whoever reads
-- has that carried over first (sum_outcomes).
local CATEGORIES = { marketing = true, utility = true, authentication = true }
local byte, find, sub = string.byte, string.find, string.sub
-- Of each portfolio what was noted, by its text; and what is added up: by hour, by kind, by " <where> <counter> ".
local outcomes_abouts, outcomes_likes, outcomes_sums = {}, {}, {}
-- The time that was asked for last, and its hour: those of a call have few.
local outcomes_at, outcomes_hour = nil, 0

-- What was noted of a message, read: the sends of a moment have much of it in common (`same`). `is_begun`: by us, and not as
-- an answer; `is_counted`: in some scope; `may_answer` what a user has asked: no campaign's does, nor marketing or a login
-- code.
local function outcomes_about(k, text)
  local known = outcomes_abouts[k]
  if not known then
    known = {}
    outcomes_abouts[k], outcomes_sums[k] = known, {}
  end
  local noted = known[text]
  if noted then return noted end
  -- Most differ in nothing but their number (digits): what is the same for all of these is read once.
  local at, ends = find(text, '"number":"', 1, true)
  local number, like, rest = nil, outcomes_likes, text
  if at then
    at = find(text, '"', ends + 1, true)
    number, rest = sub(text, ends + 1, at - 1), sub(text, at)
    local begins = sub(text, 1, ends)
    like = outcomes_likes[begins]
    if not like then
      like = {}
      outcomes_likes[begins] = like
    end
  end
  local same = like[rest]
  if not same then
    local about = cjson.decode(text ~= '' and text or '{}')
    local category = about.category
    local is_begun = about.number and CATEGORIES[category]
    same = { about = about, number = about.number, is_marketing = category == 'marketing', is_begun = is_begun,
      is_counted = is_begun or (about.number and (about.app or '') ~= ''),
      may_answer = not about.campaign and category ~= 'marketing' and category ~= 'authentication',
      -- Of one send: its row in a campaign, what is sealed of it, when its user got marketing before.
      is_one = about.campaign or about.opaque or about.to or about.marketing_at }
    like[rest] = same
  end
  number = number or same.number
  -- `reached`: begins the names of what its number's users got last.
  noted = { k = k, text = text, same = same, number = number, reached = number and k.reached .. number .. ':',
    hour = 0, sums = false }
  known[text] = noted
  return noted
end

-- What this call adds up of such a send, of those that were admitted in the hour of `at`: " <where> <counter> " -> how often.
local function outcomes_of(noted, at)
  if at ~= outcomes_at then outcomes_at, outcomes_hour = at, math.floor(at / 3600000) end
  local hour = outcomes_hour
  if noted.hour == hour then return noted.sums end
  local kind, about = noted.text, noted.same.about
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
        for what, by in pairs(sums) do
          n = n + 1
          fields[n], adds[n] = begins .. what .. kind, by
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
