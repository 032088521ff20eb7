"""The three scripts that run inside Redis: all decisions of the cache, and all writes of values, leases and fences."""

from dataclasses import dataclass

# Rule 5. KEYS: value, lease, fence, born, one that never exists. ARGV: token, lease ms, fence ms, "1" to refresh.
# Returns {value}, or {1 if the lease is ours now else 0, 1 if fenced else 0}.
GET_OR_LEASE = """
redis.call('DEL', KEYS[5])
local value = redis.call('GET', KEYS[1])
if value and ARGV[4] ~= '1' then return {value} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local born = tonumber(redis.call('GET', KEYS[4]) or nil)
if not born then
  born = now + ARGV[3]
  redis.call('SET', KEYS[4], string.format('%.0f', born))
end
local fenced = 0
if now < born or redis.call('EXISTS', KEYS[3]) == 1 then fenced = 1 end
if redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2], 'NX') then return {1, fenced} end
return {0, fenced}
"""

# Rule 5. KEYS: value, lease. ARGV: token, value, its life in ms. An empty value releases the lease.
STORE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
redis.call('DEL', KEYS[2])
return 1
"""

# Rule 7. KEYS: value, lease and fence of each key. ARGV: fence ms.
INVALIDATE = """
for at = 1, #KEYS, 3 do
  redis.call('DEL', KEYS[at], KEYS[at + 1])
  redis.call('SET', KEYS[at + 2], '1', 'PX', ARGV[1])
end
return 1
"""


@dataclass(frozen=True, slots=True)
class Scripts:
    """The Lua source of each script."""

    get_or_lease: str = GET_OR_LEASE
    store: str = STORE
    invalidate: str = INVALIDATE


SCRIPTS = Scripts()
