-- ARGV: now, id, customer, '1' to start at once. Answer: {'ok'} or {'exists'}.
local id, customer, start = ARGV[2], ARGV[3], ARGV[4] == '1'
if redis.call('EXISTS', record(id)) == 1 then return {'exists'} end
local m = {id = id, customer = customer, state = '', phase = 'planning', ending = ''}
set(m, 'customer', customer, 'created_at', stamp(now), 'progress_at', stamp(now), 'ended_at', '0',
  'crashes', '0', 'crashed_since', '0')
if start then enter(m, 'planning', {}) else enter(m, 'paused', {reason = 'not-started'}) end
return {'ok'}
