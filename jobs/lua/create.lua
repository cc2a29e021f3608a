-- ARGV: now, id, customer, '1' to start at once, '1' when it must still be `connecting` (jobs/exchanges.py).
-- Answer: {'ok'}, {'exists'}, or {'lapsed'}: a worker has taken the exchange over, or it is settled.
local id, customer, start, connecting = ARGV[2], ARGV[3], ARGV[4] == '1', ARGV[5] == '1'
if redis.call('EXISTS', record(id)) == 1 then return {'exists'} end
local row = redis.call('HGET', 'jobs:exchanges', id)
local under_way = row and cjson.decode(row).standing == 'connecting'
if connecting and not under_way then return {'lapsed'} end
local m = {id = id, customer = customer, state = '', phase = 'planning', ending = ''}
set(m, 'customer', customer, 'created_at', stamp(now), 'progress_at', stamp(now), 'ended_at', '0',
  'crashes', '0', 'crashed_since', '0')
if start then enter(m, 'planning', {}) else enter(m, 'paused', {reason = 'not-started'}) end
-- From now on the record says that there is a grant.
if under_way then redis.call('HDEL', 'jobs:exchanges', id) end
return {'ok'}
