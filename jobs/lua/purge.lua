-- ARGV: now, id. Its time is over: nothing of it stays anywhere in the state store.
-- Answer: {'ok'}, or {'no'} when it made progress meanwhile.
local id = ARGV[2]
local m = load(id)
if m and now < purge_date(m) then return {'no'} end
for _, name in ipairs(keys_of(id)) do redis.call('UNLINK', name) end
for _, queue in ipairs({LEASES, DUE, ENDINGS, HOOKS}) do redis.call('ZREM', queue, id) end
-- The record may have ended before the sweeper came.
local customer = m and m.customer or redis.call('HGET', WHOSE, id)
redis.call('HDEL', WHOSE, id)
if customer then
  redis.call('ZREM', imports_of(customer), id)
  end_list_of(customer)
  drop_ready({id = id, customer = customer})
end
return {'ok'}
