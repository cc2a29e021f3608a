-- ARGV: now, lease seconds, the longest time that anything is put off. The migration whose host is to be told something first, put off for the length of a lease.
-- Answer: {} when nothing is due, {id} when there is nothing to tell of it, {id, customer, the oldest event}.
local id = redis.call('ZRANGE', HOOKS, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1]
  or redis.call('ZRANGE', HOOKS, now + tonumber(ARGV[3]), '+inf', 'BYSCORE', 'LIMIT', 0, 1)[1] -- the clock was set back
if not id then return {} end
local customer = redis.call('HGET', record(id), 'customer')
local event = redis.call('LINDEX', record(id) .. ':events', 0)
if not (customer and event) then
  redis.call('ZREM', HOOKS, id)
  return {id}
end
redis.call('ZADD', HOOKS, now + tonumber(ARGV[2]), id)
return {id, customer, event}
