-- ARGV: now, lease seconds, cap, fresh token. Answer: {} or {id, token, phase, ending, customer}.
-- In ring order the first customer under the cap that has ready work; when all with work are at the cap, the first
-- of them: the cap holds a customer back only as long as somebody else waits.
local lease, cap, token = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]

local active = {}
for _, id in ipairs(redis.call('ZRANGE', LEASES, 0, -1)) do
  local customer = redis.call('HGET', record(id), 'customer')
  if customer then active[customer] = (active[customer] or 0) + 1 end
end

-- The customer's oldest ready migration; entries whose migration is gone or elsewhere are cleared away.
local function first_ready(customer)
  local queue = ready_queue(customer)
  local id = redis.call('ZRANGE', queue, 0, 0)[1]
  while id do
    local m = load(id)
    if m and PHASES[m.state] and m.token == '' then return m end
    redis.call('ZREM', queue, id)
    id = redis.call('ZRANGE', queue, 0, 0)[1]
  end
  redis.call('ZREM', RING, customer)
  return nil
end

local function take(m)
  drop_ready(m)
  if redis.call('ZSCORE', RING, m.customer) then redis.call('ZADD', RING, redis.call('INCR', TURN), m.customer) end
  set(m, 'token', token)
  redis.call('ZADD', LEASES, stamp(now + lease), m.id)
  keep(LEASES, RING, TURN)
  return {m.id, token, m.phase, m.ending, m.customer}
end

-- The ring is read in pages: who is passed over is at the cap, and those are as few as the running slices. Who has
-- no work after all leaves the ring, so the next page begins after the customers passed over.
local capped, page = {}, nil
repeat
  page = redis.call('ZRANGE', RING, #capped, #capped + 63)
  for _, customer in ipairs(page) do
    if (active[customer] or 0) >= cap then
      capped[#capped + 1] = customer
    else
      local m = first_ready(customer)
      if m then return take(m) end
    end
  end
until #page == 0
for _, customer in ipairs(capped) do
  local m = first_ready(customer)
  if m then return take(m) end
end
return {}
