-- keys: names the keys of one portfolio (0 is the first), as store/keys.py does: by what begins the two that it is given
-- of each, so that a send does not carry the names of all. Those that a send needs are put together at once, for a
-- third of what it takes where a script asks for one.
local KEY_NAMES = ' clock ledger places: calendar holds releases pair: message: wamid: inflight lane: waiting: leases \
 deadlines queued_for standing history breakers turns tally: count: user: outcomes: outcome_scopes reached: ramps \
 topups nodes heard prepaid relay: once: '

local blocks = {}
local function keys_of(portfolio)
  local block = blocks[portfolio]
  if not block then
    local prefix = string.sub(KEYS[2 * portfolio + 1], 1, -6)
    block = setmetatable({ ledger = KEYS[2 * portfolio + 2], message = prefix .. 'message:', user = prefix .. 'user:',
      pair = prefix .. 'pair:', places = prefix .. 'places:', calendar = prefix .. 'calendar', holds = prefix .. 'holds',
      releases = prefix .. 'releases', inflight = prefix .. 'inflight', queued_for = prefix .. 'queued_for',
      tally = prefix .. 'tally:', once = prefix .. 'once:', wamid = prefix .. 'wamid:',
      reached = prefix .. 'reached:', outcomes = prefix .. 'outcomes:' }, { __index = function(names, name)
      local ending = string.find(KEY_NAMES, ' ' .. name .. ': ', 1, true) and ':'
        or string.find(KEY_NAMES, ' ' .. name .. ' ', 1, true) and ''
      local key = ending and prefix .. name .. ending
      rawset(names, name, key)
      return key
    end })
    blocks[portfolio] = block
  end
  return block
end

-- Meta's id of a message is stored as "<its name>|<it, sealed>"; by its name a key leads to ours.
local function wamid_name(wamid)
  local ends = string.find(wamid, '|', 1, true)
  return ends and string.sub(wamid, 1, ends - 1) or wamid
end

local function wamid_key(k, wamid) return k.wamid .. wamid_name(wamid) end
