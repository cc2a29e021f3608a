-- ARGV: now, at most so many of each kind, '1' when the store was away until now: leases that ran out are no crash.
-- Answer: {ready migrations (of so many customers), became due, leases expired, to be ended or purged}.
local batch, excused = tonumber(ARGV[2]), ARGV[3] == '1'
local due, lost = 0, 0

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
