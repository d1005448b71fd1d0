-- scopes: carries what was told of sends (_outcomes.lua) to where it is read: by hour into the outcomes of their scopes, whose
-- names are those of policy/outcome_scope.py, and into the figures of that day.
local SCOPED = { marketing = true, utility = true, authentication = true }

local function scopes_of(about)
  local number, category, campaign, scopes = about.number, about.category, about.campaign or '', {}
  if SCOPED[category] then
    scopes[1] = 'category:' .. number .. ':' .. category
    local name, language = string.match(about.template or '', '^(.+)/([^/]+)$')
    if name and about.waba then
      local template = about.waba .. ':' .. language .. ':' .. name
      scopes[#scopes + 1] = 'template:' .. category .. ':' .. template
      scopes[#scopes + 1] = 'sent_template:' .. number .. ':' .. template
    end
    if campaign ~= '' then
      scopes[#scopes + 1] = 'sent_campaign:' .. number .. ':' .. campaign
      if about.step and about.variant then
        scopes[#scopes + 1] = 'campaign_part:' .. campaign .. ':' .. about.step .. ':' .. about.variant
      end
    end
  end
  if (about.app or '') ~= '' then scopes[#scopes + 1] = 'sent_app:' .. number .. ':' .. about.app end
  return scopes
end

-- flat: fields of `outcomes:told` and their values, which are gone from it then. keep_ms: for which a day's outcomes are
-- kept.
local function scopes_carry(k, flat, now, keep_ms)
  local kinds, sums, news, fields, is_first = {}, {}, {}, {}, false
  for i = 1, #flat, 2 do
    local hour, where, name, text = string.match(flat[i], '^(%d+) (%l) (%S+) (.*)$')
    hour = tonumber(hour)
    local by, day = tonumber(flat[i + 1]), math.floor(hour / 24)
    local kind = kinds[text]
    if not kind then
      local about = cjson.decode(text)
      kind = { about = about, scopes = scopes_of(about) }
      kinds[text] = kind
    end
    if where ~= 's' then cells_add(cells_of(k, hour * 3600000, kind.about), name, by) end
    if where ~= 'c' then
      local field = string.format('%02d.', hour % 24) .. name
      for _, scope in ipairs(kind.scopes) do
        local key = k.outcomes .. string.format('%d:', day) .. scope
        sums[key] = sums[key] or {}
        sums[key][field] = (sums[key][field] or 0) + by
        news[scope] = true
      end
    end
    fields[#fields + 1] = flat[i]
  end
  cells_write()
  for key, adds in pairs(sums) do
    local is_new = false
    for field, by in pairs(adds) do is_new = redis.call('HINCRBY', key, field, by) == by or is_new end
    -- With the first of an hour, which is often enough.
    if is_new then redis.call('PEXPIRE', key, keep_ms) end
    is_first = is_first or is_new
  end
  for scope in pairs(news) do redis.call('ZADD', k.outcome_scopes, now, scope) end
  if is_first then
    redis.call('ZREMRANGEBYSCORE', k.outcome_scopes, '-inf', string.format('%.0f', now - tonumber(keep_ms)))
  end
  redis.call('HDEL', k.outcomes .. 'told', unpack(fields))
end
