-- ARGV: now, id, event, seconds after which it is told again ('' when it was taken, or is told no more). Answer: {'ok'}.
local id, event, again = ARGV[2], ARGV[3], ARGV[4]
if again == '' and redis.call('LINDEX', record(id) .. ':events', 0) == event then
  redis.call('LPOP', record(id) .. ':events')
end
if redis.call('EXISTS', record(id) .. ':events') == 0 then
  redis.call('ZREM', HOOKS, id)
else
  redis.call('ZADD', HOOKS, 'XX', now + (tonumber(again) or 0), id)
end
return {'ok'}
