// archives: liblua5.4.a
// flags: -O2 -I/usr/include/lua5.4
// libraries: -lm -ldl
// Runs a script in a Lua interpreter: closures, coroutines, patterns, tables, errors, garbage collection, and calls in
// both directions.

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

static const char script[] =
  "local function counter()\n"
  "  local count = 0\n"
  "  return function() count = count + 1; return count end\n"
  "end\n"
  "local a, b = counter(), counter()\n"
  "print('closures', a(), a(), b())\n"
  "\n"
  "local function walk(tree)\n"
  "  if tree then walk(tree.left); coroutine.yield(tree.value); walk(tree.right) end\n"
  "end\n"
  "local tree = {value = 4, left = {value = 1, right = {value = 3}}, right = {value = 9}}\n"
  "local seen = {}\n"
  "for value in coroutine.wrap(function() walk(tree) end) do seen[#seen + 1] = value end\n"
  "print('coroutines', table.concat(seen, ' '))\n"
  "\n"
  "local log = 'Nov 23 01:22 weld[42]: linked 17 objects in 3.5 ms'\n"
  "print('patterns', log:match('(%d+):(%d+).-(%a+)%[(%d+)%].-([%d.]+) ms'))\n"
  "print('gsub', (log:gsub('%d+', function(n) return '<' .. n + 1 .. '>' end)))\n"
  "\n"
  "local words = {}\n"
  "for word in ('the quick brown fox jumps over the lazy dog'):gmatch('%a+') do words[#words + 1] = word end\n"
  "table.sort(words, function(x, y) if #x ~= #y then return #x < #y end return x < y end)\n"
  "print('sort', table.unpack(words))\n"
  "\n"
  "local Point = {}\n"
  "Point.__index = Point\n"
  "Point.__add = function(p, q) return setmetatable({x = p.x + q.x, y = p.y + q.y}, Point) end\n"
  "Point.__eq = function(p, q) return p.x == q.x and p.y == q.y end\n"
  "Point.__tostring = function(p) return ('(%g, %g)'):format(p.x, p.y) end\n"
  "local function point(x, y) return setmetatable({x = x, y = y}, Point) end\n"
  "print('metatables', tostring(point(1, 2) + point(3, 4.5)), point(1, 1) == point(1, 1))\n"
  "\n"
  "print('pcall', pcall(error, {code = 7}) == false, select(2, pcall(function() error('raised', 0) end)))\n"
  "print('error', select(2, pcall(function() local t; return t.field end)))\n"
  "print('xpcall', xpcall(function() error('deep', 0) end, function(m) return m .. ' and handled' end))\n"
  "print('of C', select(2, pcall(fail, 'thrown by C')))\n"
  "\n"
  "print('numbers', 7 // 2, 7 / 2, 2 ^ 0.5, 1 << 62, math.maxinteger + 1 == math.mininteger, 0x.8p1)\n"
  "print('pack', #string.pack('>i4s2d', 1, 'abc', 2.5), string.unpack('<I3', '\\1\\2\\3'))\n"
  "local n, steps = 27, 0\n"
  "::again:: if n ~= 1 then n = n % 2 == 0 and n // 2 or 3 * n + 1; steps = steps + 1; goto again end\n"
  "print('steps', steps)\n"
  "\n"
  "local weak = setmetatable({}, {__mode = 'v'})\n"
  "for i = 1, 1000 do weak[i] = {i} end\n"
  "collectgarbage()\n"
  "print('collected', #weak == 0 or next(weak) == nil)\n"
  "do local closed <close> = setmetatable({}, {__close = function() print('closed') end}) end\n"
  "\n"
  "print('called from Lua', twice(function(x) return x .. '!' end, 'hi'))\n"
  "print('loaded', load('return 6 * ...')(7), utf8.char(87, 8364), os.time{year = 2000, month = 1, day = 2} > 0)\n"
  "local tail; function tail(n) if n == 0 then return 'tail calls' end return tail(n - 1) end\n"
  "print(tail(100000))\n"
  "local function deep() return 1 + deep() end\n"
  "print('overflow', (select(2, pcall(deep)):match('stack overflow')))\n"
  "return 'returned', 42\n";

// Calls its first argument with its second, and then with the result.
static int twice(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  for (int i = 0; i < 2; i++) {
    lua_pushvalue(L, 1);
    lua_insert(L, -2);
    lua_call(L, 1, 1);
  }
  return 1;
}

static int fail(lua_State *L) { return luaL_error(L, "%s with %d", luaL_checkstring(L, 1), 5); }

int main(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_register(L, "twice", twice);
  lua_register(L, "fail", fail);
  if (luaL_loadbuffer(L, script, sizeof script - 1, "=script") || lua_pcall(L, 0, LUA_MULTRET, 0)) {
    printf("error: %s\n", lua_tostring(L, -1));
    return 1;
  }
  printf("%s %lld\n", lua_tostring(L, 1), (long long)lua_tointeger(L, 2));
  lua_settop(L, 0);

  if (luaL_dostring(L, "x = = 1") != LUA_OK) printf("%s\n", lua_tostring(L, -1));
  lua_close(L);
  return 0;
}
