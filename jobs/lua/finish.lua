-- ARGV: now, id. A held import (migrator/hold.py) finishes without the messages that failed.
-- Answer: {'ok'}, {'unknown'} or {'illegal', from, to}.
local m = load(ARGV[2])
if not m then return {'unknown'} end
if m.state ~= 'waiting' or m.reason ~= 'failed-messages' then return {'illegal', m.state, 'finishing'} end
redis.call('SET', record(m.id) .. ':finish', '1')
enter(m, m.phase, {})
return {'ok'}
