-- ARGV: now, id. Its time is over: nothing of it stays anywhere in the state store.
-- Answer: {'ok'}, or {'no'} when it made progress meanwhile.
local id = ARGV[2]
local m = load(id)
if m and now < purge_date(m) then return {'no'} end
for _, name in ipairs(keys_of(id)) do redis.call('UNLINK', name) end
for _, queue in ipairs({LEASES, DUE, ENDINGS}) do redis.call('ZREM', queue, id) end
if m then
  drop_ready({id = id, customer = m.customer})
else
  -- Whose it was went with the record: then it may wait in anybody's queue.
  for _, customer in ipairs(redis.call('ZRANGE', RING, 0, -1)) do drop_ready({id = id, customer = customer}) end
end
return {'ok'}
