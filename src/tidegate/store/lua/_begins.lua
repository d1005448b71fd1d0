-- begins: how those keys begin that each send names; the prefix of its portfolio stands before that. A call would take
-- longer to put together the names of a whole block (_keys.lua) than to do without.
local MESSAGE, USER, PAIR, PLACES, TALLY_OF, ONCE = 'message:', 'user:', 'pair:', 'places:', 'tally:', 'once:'
