"""What Redis does to the incidents in one go, or not at all: Lua, with its keys and values told above each script."""

# KEYS  1 kept  2 seen    ARGV  1 number that we were told  2 seconds to keep it.    Answers 0, or the number and one
INTACT = """
local seen = tonumber(redis.call('GET', KEYS[2]) or '0')
if redis.call('EXISTS', KEYS[1]) == 0 or seen < tonumber(ARGV[1]) then return 0 end
redis.call('EXPIRE', KEYS[2], ARGV[2])
return seen + 1
"""

# KEYS  1 incident  2 applied  3 incidents  4 due  5 unpublished  6 place  7 kept  8 seen  9.. fingerprints
# ARGV  1 id  2 the incident as it was read ("" for none)  3 as it is to be ("" to change nothing)  4 revision
#       5 updated  6 due ("" for never)  7 seconds to remember the input (0: not an input)
#       8 number that we were told  9 seconds to keep it.    Answers what became of it, and the number
APPLY = """
local seen = tonumber(redis.call('GET', KEYS[8]) or '0')
if redis.call('EXISTS', KEYS[7]) == 0 or seen < tonumber(ARGV[8]) then return {'forgotten', 0} end
if tonumber(ARGV[7]) > 0 and redis.call('EXISTS', KEYS[2]) == 1 then return {'repeated', seen} end
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[2] then return {'changed', seen} end
redis.call('SET', KEYS[8], seen + 1, 'EX', ARGV[9])
if tonumber(ARGV[7]) > 0 then redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[7]) end
if ARGV[3] == '' then return {'applied', seen + 1} end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[1])
if ARGV[6] == '' then redis.call('ZREM', KEYS[4], ARGV[1]) else redis.call('ZADD', KEYS[4], ARGV[6], ARGV[1]) end
redis.call('HSET', KEYS[5], ARGV[1], ARGV[4])
redis.call('SADD', KEYS[6], ARGV[1])
for i = 9, #KEYS do redis.call('SET', KEYS[i], ARGV[1]) end
return {'applied', seen + 1}
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

# KEYS  1 incident  2 incidents  3 due  4 unpublished  5 place  6.. fingerprints    ARGV  1 id  2 as it was read
FORGET = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[2] then return end
redis.call('DEL', KEYS[1])
for i = 2, 3 do redis.call('ZREM', KEYS[i], ARGV[1]) end
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('SREM', KEYS[5], ARGV[1])
for i = 6, #KEYS do if redis.call('GET', KEYS[i]) == ARGV[1] then redis.call('DEL', KEYS[i]) end end
"""
