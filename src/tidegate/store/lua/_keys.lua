-- keys: names the keys of one portfolio (0 is the first), as store/keys.py does: by what begins the two that it is given
-- of each, so that a send does not carry the names of all. Only what a script asks for is put together.
local KEY_NAMES = {
  clock = 'clock', ledger = 'ledger', places = 'places:', calendar = 'calendar', holds = 'holds',
  releases = 'releases', pair = 'pair:', message = 'message:', wamid = 'wamid:', inflight = 'inflight',
  lane = 'lane:', waiting = 'waiting:', leases = 'leases', deadlines = 'deadlines', queued_for = 'queued_for',
  standing = 'standing', history = 'history', breakers = 'breakers', turns = 'turns', tally = 'tally:',
  count = 'count:', user = 'user:', outcomes = 'outcomes:', outcome_scopes = 'outcome_scopes', reached = 'reached:',
  ramps = 'ramps', topups = 'topups', nodes = 'nodes', heard = 'heard', prepaid = 'prepaid', relay = 'relay:',
  once = 'once:' }

local blocks = {}
local function keys_of(portfolio)
  local block = blocks[portfolio]
  if not block then
    local prefix = string.sub(KEYS[2 * portfolio + 1], 1, -6)
    block = setmetatable({}, { __index = function(names, name)
      local key = KEY_NAMES[name] and prefix .. KEY_NAMES[name]
      rawset(names, name, key)
      return key
    end })
    blocks[portfolio] = block
  end
  return block
end

-- Meta's id of a message is stored as "<its name>|<it, sealed>"; by its name a key leads to ours.
local function wamid_name(wamid) return string.sub(wamid, 1, (string.find(wamid, '|', 1, true) or 0) - 1) end

local function wamid_key(k, wamid) return k.wamid .. wamid_name(wamid) end
