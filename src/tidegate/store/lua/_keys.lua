-- keys: names the block of KEYS that belongs to one portfolio (0 is the first), in the order of store/keys.py.
local KEY_NAMES = { 'clock', 'ledger', 'places', 'calendar', 'holds', 'releases', 'pair', 'message', 'wamid',
  'inflight', 'lane', 'waiting', 'leases', 'deadlines', 'queued_for', 'standing', 'history', 'breakers',
  'turns', 'tally', 'count', 'user', 'outcomes',
  'outcome_scopes', 'reached', 'ramps', 'topups', 'nodes', 'heard',
  'prepaid', 'relay' }

local blocks = {}
local function keys_of(portfolio)
  local block = blocks[portfolio]
  if not block then
    block = {}
    for i, name in ipairs(KEY_NAMES) do block[name] = KEYS[portfolio * #KEY_NAMES + i] end
    blocks[portfolio] = block
  end
  return block
end

-- The key that leads from Meta's id of a message to ours: that id is stored as "<its name>|<it, sealed>".
local function wamid_key(k, wamid) return k.wamid .. string.match(wamid, '^[^|]*') end
