-- ARGV: now, at most so many of each kind, how many lost leases in a row are too many.
-- Answer: {ready migrations (of so many customers), became due, leases expired, swept}.
local batch, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
local due, lost, swept = 0, 0, 0

local function past(queue) return redis.call('ZRANGE', queue, '-inf', now, 'BYSCORE', 'LIMIT', 0, batch) end

for _, id in ipairs(past(DUE)) do
  local m = load(id)
  redis.call('ZREM', DUE, id)
  if m and m.state == 'waiting' then
    enter(m, m.phase, {})
    due = due + 1
  end
end

-- A slice that stopped renewing: its token is worth nothing from here on.
local function take_back(m)
  local crashes = tonumber(m.crashes) + 1
  set(m, 'crashes', tostring(crashes))
  local to, fields = wished(m.wish, m.state, m.phase)
  if to then
    enter(m, to, fields)
  elseif crashes >= limit then
    enter(m, 'failed', {reason = 'worker-lost', resumable = '1'})
  else
    enter(m, m.state, {})
  end
end

for _, id in ipairs(past(LEASES)) do
  local m = load(id)
  redis.call('ZREM', LEASES, id)
  if m and m.token ~= '' then
    take_back(m)
    lost = lost + 1
  end
end

-- Too long without progress: end it while there is time to revoke the grant. A running slice is told by a wish.
-- What is in finishing already only keeps trying until its keys end.
local function expire(m)
  if m.phase == 'finishing' then
    swept = swept - 1
  elseif m.token == '' then
    enter(m, 'finishing', {phase = 'finishing', ending = 'expired'})
  elseif m.wish ~= 'cancel' then
    set(m, 'wish', 'expire')
  end
  redis.call('ZADD', ENDINGS, math.ceil(end_date(m)), m.id)
  swept = swept + 1
end

for _, id in ipairs(past(ENDINGS)) do
  local m = load(id)
  if not m or now >= end_date(m) then
    redis.call('ZREM', ENDINGS, id)
  else
    expire(m)
  end
end

local ready = 0
for _, customer in ipairs(redis.call('ZRANGE', RING, 0, batch - 1)) do
  ready = ready + redis.call('ZCARD', ready_queue(customer))
end
keep(LEASES, DUE, RING, TURN, ENDINGS)
return {ready, due, lost, swept}
