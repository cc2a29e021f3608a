-- ARGV: now, at most so many of each kind, '1' when the store was away until now: leases that ran out are no crash.
-- Answer: {ready migrations (of so many customers), became due, leases expired, to be ended or purged}.
local batch, excused = tonumber(ARGV[2]), ARGV[3] == '1'
local due, lost = 0, 0

-- The clock against the last look, two seconds ago: it was set back, or it leapt ahead (or no worker looked meanwhile).
local before = tonumber(redis.call('GET', LOOKED) or now)
redis.call('SET', LOOKED, stamp(now), 'EX', LOOKED_SECONDS)
local set_back = now < before - CLOCK_SECONDS
excused = excused or now > before + LEAP_SECONDS

-- After the clock was set back: what began to wait in the future is due, and no lease lies further ahead than leases do.
-- Whatever else waits does so for as long again at most as it has waited.
if set_back then
  for _, id in ipairs(redis.call('ZRANGE', DUE, now, '+inf', 'BYSCORE')) do
    if tonumber(redis.call('HGET', record(id), 'waits_since') or '0') > now then redis.call('ZADD', DUE, stamp(now), id) end
  end
  for _, id in ipairs(redis.call('ZRANGE', LEASES, now + LONGEST_LEASE, '+inf', 'BYSCORE')) do
    redis.call('ZADD', LEASES, stamp(now + LONGEST_LEASE / 2), id) -- a slice renews its lease at a third of it
  end
end

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
  if not excused then note_crash(m) end
  acquit(m)
  local to, fields = wished(m.wish, m.state, m.phase)
  if to then
    enter(m, to, fields)
  elseif not excused and is_hopeless(m) then
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

local ready = 0
for _, customer in ipairs(redis.call('ZRANGE', RING, 0, batch - 1)) do
  ready = ready + redis.call('ZCARD', ready_queue(customer))
end
keep(LEASES, DUE, RING, TURN, ENDINGS, WHOSE)
return {ready, due, lost, redis.call('ZCOUNT', ENDINGS, '-inf', now)}
