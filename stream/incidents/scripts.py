"""What Redis does to the incidents in one go, or not at all: Lua, with its keys and values told above each script."""

# KEYS  1 kept  2 seen  3 incident  4 applied  5 incidents  6 due  7 unpublished  8 place  9.. fingerprints
# ARGV  1 number that we were told  2 seconds to keep it  3 id  4 the incident as it was read ("" for none)
#       5 as it is to be ("" to change nothing)  6 revision  7 updated  8 due ("" for never)
#       9 seconds to remember the input (0: not an input)
# Answers what became of it, the number, and which incident an input that is repeated was applied to. With the first
# two keys only, whether Redis is `intact`.
APPLY = """
local seen = tonumber(redis.call('GET', KEYS[2]) or '0')
if redis.call('EXISTS', KEYS[1]) == 0 or seen < tonumber(ARGV[1]) then return {'forgotten', 0, ''} end
if #KEYS == 2 then
  redis.call('EXPIRE', KEYS[2], ARGV[2])
  return {'intact', seen, ''}
end
local before = tonumber(ARGV[9]) > 0 and redis.call('GET', KEYS[4])
if before then return {'repeated', seen, before} end
if (redis.call('GET', KEYS[3]) or '') ~= ARGV[4] then return {'changed', seen, ''} end
redis.call('SET', KEYS[2], seen + 1, 'EX', ARGV[2])
if tonumber(ARGV[9]) > 0 then redis.call('SET', KEYS[4], ARGV[3], 'EX', ARGV[9]) end
if ARGV[5] == '' then return {'applied', seen + 1, ''} end
redis.call('SET', KEYS[3], ARGV[5])
redis.call('ZADD', KEYS[5], ARGV[7], ARGV[3])
if ARGV[8] == '' then redis.call('ZREM', KEYS[6], ARGV[3]) else redis.call('ZADD', KEYS[6], ARGV[8], ARGV[3]) end
redis.call('HSET', KEYS[7], ARGV[3], ARGV[6])
redis.call('SADD', KEYS[8], ARGV[3])
for i = 9, #KEYS do redis.call('SET', KEYS[i], ARGV[3]) end
return {'applied', seen + 1, ''}
"""

# KEYS  1 bringing  2 incident  3 incidents  4 due  5 unpublished  6 place  7.. fingerprints
# ARGV  1 id  2 the incident as it was read  3 as it was published  4 revision  5 updated  6 due  7 seconds to bring
RESTORE = """
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[2], ARGV[3])
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[1])
if ARGV[6] == '' then redis.call('ZREM', KEYS[4], ARGV[1]) else redis.call('ZADD', KEYS[4], ARGV[6], ARGV[1]) end
redis.call('HDEL', KEYS[5], ARGV[1])
redis.call('SADD', KEYS[6], ARGV[1])
for i = 7, #KEYS do redis.call('SET', KEYS[i], ARGV[1]) end
redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[7])
return 1
"""

# KEYS  1 bringing  2 kept  3 seen    ARGV  1 how many were brought  2 since when  3 number that we were told  4 seconds
KEPT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], ARGV[2])
redis.call('SET', KEYS[3], ARGV[3], 'EX', ARGV[4])
return 1
"""

# KEYS  1 unpublished    ARGV  1 id  2 the revision that was published
PUBLISHED = "if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end"

# KEYS  1 incident  2 unpublished    ARGV  1 id  2 as it was read  3 its revision
# Whoever changed it meanwhile has left a note himself.
UNPUBLISHED = "if redis.call('GET', KEYS[1]) == ARGV[2] then redis.call('HSET', KEYS[2], ARGV[1], ARGV[3]) end"

# KEYS  1 incident  2 incidents  3 due  4 unpublished  5 place  6.. fingerprints    ARGV  1 id  2 as it was read
FORGET = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[2] then return end
redis.call('DEL', KEYS[1])
for i = 2, 3 do redis.call('ZREM', KEYS[i], ARGV[1]) end
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('SREM', KEYS[5], ARGV[1])
for i = 6, #KEYS do if redis.call('GET', KEYS[i]) == ARGV[1] then redis.call('DEL', KEYS[i]) end end
"""
