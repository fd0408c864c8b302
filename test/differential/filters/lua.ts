/** Scripts from a grammar of the stream handle's API. What each statement gives goes to dynamic metadata, which the access log shows. */
import type { Case, Step } from '../../parity/case.ts'
import type { Dice } from './dice.ts'

const SLOTS = 8
const PRELUDE = `
local function show(v, depth)
  local t = type(v)
  if t == "string" or t == "number" or t == "boolean" then return string.sub(t, 1, 1) .. ":" .. tostring(v) end
  if t ~= "table" then return t end
  if (depth or 0) > 3 then return "deep" end
  local keys = {}
  for k, x in pairs(v) do keys[#keys + 1] = show(k) .. "=" .. show(x, (depth or 0) + 1) end
  table.sort(keys)
  return "{" .. table.concat(keys, " ") .. "}"
end
local function all(object)
  local list = {}
  for k, v in pairs(object) do
    if k ~= "x-request-id" and k ~= "transfer-encoding" and k ~= "content-length" and k ~= "connection" and k ~= "date" and k ~= "x-envoy-upstream-service-time" then list[#list + 1] = k .. "=" .. show(v) end
  end
  table.sort(list)
  return table.concat(list, ";")
end
local function try(h, at, f)
  local results = { pcall(f) }
  local text
  if not results[1] then text = "failed"
  else
    local list = {}
    for i = 2, math.max(#results, 2) do list[#list + 1] = show(results[i]) end
    text = table.concat(list, ",")
  end
  h:streamInfo():dynamicMetadata():set("t", at, text)
end
`

const NAMES = [
  '"x-a"',
  '"X-A"',
  '"x-b"',
  '":path"',
  '":method"',
  '":authority"',
  '":status"',
  '"x-none"',
  '"host"',
  '"content-type"',
]
const VALUES = ['"1"', '""', '"two words"', '"a,b"', '5', '1.5', 'true', 'nil', '{}', '"é"', '" x "', '1e15', '2^53']
const NUMBERS = ['0', '1', '2', '-1', '1.5', '"1"', 'nil', '100', '"x"']
const BYTES = ['"abc"', '""', '"\\0\\1\\2"', '("x"):rep(100)', '7', 'nil', 'true']
const SET = BYTES.filter((one) => one !== 'true' && one !== 'nil')

function headerCall(dice: Dice, object: string): string {
  const name = dice.pick(NAMES)
  // What would be no HTTP any more is refused here and sent by Envoy.
  const free = name.startsWith('":') || name.includes('host') || name.includes('content-type') ? '"x-b"' : name
  switch (dice.int(0, 8)) {
    case 0:
      return `${object}:add(${free}, ${dice.pick(VALUES)})`
    case 1:
      return `${object}:replace(${free}, ${dice.pick(VALUES)})`
    case 2:
      return `${object}:remove(${free})`
    case 3:
      return `${object}:getAtIndex(${name}, ${dice.pick(NUMBERS)})`
    case 4:
      return `${object}:getNumValues(${name})`
    case 5:
      return `all(${object})`
    case 6:
      return `${object}:setHttp1ReasonPhrase(${dice.pick(VALUES)})`
    default:
      return `${object}:get(${dice.pick([name, name, dice.pick(VALUES)])})`
  }
}

function bodyCall(dice: Dice, object: string): string {
  switch (dice.int(0, 3)) {
    case 0:
      return `${object}:length()`
    case 1:
      return `${object}:setBytes(${dice.pick(SET)})`
    default:
      return `${object}:getBytes(${dice.pick(NUMBERS)}, ${dice.pick(NUMBERS)})`
  }
}

const INFO = [
  'protocol()',
  'routeName()',
  'virtualClusterName()',
  'requestedServerName()',
  'downstreamSslConnection()',
  'downstreamLocalAddress()',
  'downstreamDirectLocalAddress()',
  'downstreamRemoteAddress() and 1',
  'downstreamDirectRemoteAddress() and 1',
  'dynamicMetadata():get("none")',
  'dynamicMetadata():get("u")',
  'filterState():get("none")',
  'dynamicTypedMetadata("none")',
  'virtualHost and 1',
  'route and 1',
]

const TABLES = [
  '{[":method"]="POST", [":path"]="/call", [":authority"]="up"}',
  '{[":method"]="GET", [":path"]="/call", [":authority"]="up", ["x-l"]={"a","b"}}',
  '{[":method"]="GET"}',
  '{}',
  'nil',
  '{[":method"]="GET", [":path"]="/call", [":authority"]="up", ["x-l"]=5}',
  '{[":method"]="GET", [":path"]="/call", [":authority"]="up", ["x-l"]=true}',
]

function misc(dice: Dice): string {
  return dice.pick([
    `h:base64Escape(${dice.pick(BYTES)})`,
    `type(h:timestamp(${dice.pick(['', '0', '1', 'EnvoyTimestampResolution.MILLISECOND', 'EnvoyTimestampResolution.MICROSECOND', '"x"', '7'])}))`,
    `type(h:timestampString(${dice.pick(['', '0', '1', 'EnvoyTimestampResolution.MICROSECOND', '"x"'])}))`,
    `#h:timestampString(${dice.pick(['', 'EnvoyTimestampResolution.MILLISECOND', 'EnvoyTimestampResolution.MICROSECOND'])})`,
    `h:log${dice.pick(['Trace', 'Debug', 'Info', 'Warn', 'Err', 'Critical'])}(${dice.pick([...BYTES, '{}'])})`,
    `h:metadata():get(${dice.pick(['"s"', '"n"', '"b"', '"l"', '"o"', '"f"', '"none"', '5', 'nil', '"z"'])})`,
    'all(h:metadata())',
    `h:streamInfo():dynamicMetadata():set(${dice.pick(['"u"', '"u"', '5', 'nil'])}, ${dice.pick(['"k"', '"k"', '1', 'nil'])}, ${dice.pick([...VALUES, '{1,2,3}', '{a=1,b={c=true}}', '{1,nil,3}', 'function() end'])})`,
    `h:streamInfo():${dice.pick(INFO)}`,
    `h:streamInfo():${dice.pick(INFO)}`,
    'h:connection():ssl()',
    `h:connectionStreamInfo():dynamicMetadata():get("none")`,
    'h:filterContext():get("a")',
    'h:virtualHost():metadata():get("a")',
    'h:route():metadata():get("s")',
    'h:clearRouteCache()',
    `h:importPublicKey(${dice.pick(['"abc", 3', '"", 0', 'nil, 1', '"abc"'])})`,
    `h:verifySignature("SHA256", nil, "a", 1, "b", 1)`,
    'h:none()',
    `h:${dice.pick(['headers', 'metadata', 'streamInfo', 'connection'])}() == h:${dice.pick(['headers', 'metadata', 'streamInfo', 'connection'])}()`,
    'tostring(h):sub(1, 5)',
    dice.pick([
      '10 / 2',
      '3 * 1.0',
      '2^31',
      '2147483647 + 1',
      '1000000 * 1000000',
      '7 % 3',
      '-7 % 3',
      '7 / 2',
      '1/0',
      '-1/0',
      '0/0 ~= 0/0',
      'math.floor(3.7)',
      'math.huge',
      'math.max(1, 2.5)',
      '#"abc" / 3',
      'tonumber("0x10")',
      'tonumber("1e3")',
      'tonumber(" 12 ")',
      'tonumber("z", 36)',
      'tostring(1e100)',
      '2^53',
      '123456789012345678',
      '0.1',
      '1e15',
      '1e14+0.5',
      'string.format("%d", 3.0)',
      'string.format("%5.2f|%s|%q|%x", 1.5, "a", "b", 255)',
      '("abc"):rep(3)',
      'unpack({1,2,3})',
      'select("#", 1, nil)',
      'table.getn({1,2})',
      'string.gsub("hello", "l", "L")',
      '("a,b"):find(",", 1, true)',
      '"10" + 5',
      '10 .. ""',
      '"a" < "b"',
      'math.fmod(7, 3)',
      'loadstring("return 1")()',
      'type(os)',
      'type(bit)',
      'type(os and os.time())',
      'bit and bit.band(6, 3)',
      'bit and bit.tohex(255)',
      'table.maxn and table.maxn({1,2})',
      'next({})',
      'rawequal(1, 1)',
      'math.pow(2, 3)',
      'math.log10(100)',
      'string.format("%s", 1)',
      'string.format("%5s|%-5s", 1, 2)',
      'tostring(3.0)',
      'tostring(-0.0)',
      '("x"):byte()',
      'string.char(65)',
      'math.ceil(1.2)',
      'string.sub("hello", 2.7)',
      'string.rep("x", 2.5)',
      'string.format("%d", 3.7)',
      'coroutine.running()',
      'xpcall(function(a) return a end, print, 5)',
      '#{1,2,nil,4}',
      'table.concat({1,2.5,3}, "-")',
      'tostring(nil)',
      'tostring(2^63)',
      'math.floor(2^40)',
      '5 == 5.0',
      '({[1.0]="a"})[1]',
      'string.format("%i", 5)',
      'os.date and type(os.date())',
      'os.clock and type(os.clock())',
      '_VERSION',
      'string.format("%.3f", 2)',
      'collectgarbage and 1',
      'string.len("\\0a")',
      '("x"):upper()',
      'load("return 2")()',
      'math.random and 1',
      'table.insert({}, 1)',
      'table.remove({1,2})',
      'table.sort({3,1})',
      'ipairs({})',
      '"abc":len',
    ]),
  ])
}

function statement(dice: Dice, at: string): string {
  const wrap = (code: string) => `try(h, "${at}", function() return ${code} end)`
  switch (dice.int(0, 13)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return wrap(headerCall(dice, 'h:headers()'))
    case 4:
    case 5:
      return wrap(bodyCall(dice, `h:body(${dice.pick(['', '', 'true', 'false', 'nil'])})`))
    case 6:
      return `local n${at} = 0; for c in h:bodyChunks() do n${at} = n${at} + c:length(); ${dice.pick(['', `if n${at} > 3 then break end`])} end; try(h, "${at}", function() return n${at} end)`
    case 7:
      return wrap(dice.pick(['h:trailers()', headerCall(dice, 'h:trailers()')]))
    case 8:
      return wrap(
        `h:httpCall(${dice.pick(['"$up"', '"$up"', '"none"', 'nil'])}, ${dice.pick(TABLES)}, ${dice.pick(BYTES)}, ${dice.pick(['1000', '1000', '0', '-1', '"x"', '{timeout_ms=1000}'])}${dice.pick(['', '', ', false', ', 5'])})`,
      )
        .replace('return h:httpCall', 'local hs, b = h:httpCall')
        .replace(
          ' end)',
          '; if hs then hs.date = nil; hs["transfer-encoding"] = nil; hs["x-envoy-upstream-service-time"] = nil end; return hs, b end)',
        )
    case 9:
      if (dice.chance(0.4))
        return wrap(
          `h:respond(${dice.pick(['{[":status"]="403", ["x-r"]="1"}', '{[":status"]=201}', '{[":status"]="99"}', '{}', 'nil', '{[":status"]="200", ["content-type"]="a/b", ["content-length"]="99"}', '{[":status"]="503", ["x-l"]={"a","b"}}', '{[":status"]="204"}', '{[":status"]="x"}', '{[":status"]="600"}', '{[":status"]="599"}'])}, ${dice.pick(BYTES)})`,
        )
      return dice.chance(0.15)
        ? dice
            .pick(['error("stop")', 'error({})', 'local x = nil + 1', 'h.x.y = 1', 'return', 'coroutine.yield()'])
            .replace(/^return$/, 'do return end')
        : wrap(misc(dice))
    default:
      return wrap(misc(dice))
  }
}

function handler(dice: Dice, name: string, prefix: string): string {
  const lines = dice.list(1, SLOTS, (i) => `  ${statement(dice, `${prefix}${i}`)}`)
  return `function ${name}(h)\n${lines.join('\n')}\nend\n`
}

export function luaCase(dice: Dice): Omit<Case, 'id' | 'what'> {
  const which = dice.int(0, 4)
  const code =
    PRELUDE +
    (which === 0 ? '' : handler(dice, 'envoy_on_request', 'q')) +
    (which === 1 ? '' : handler(dice, 'envoy_on_response', 's'))
  const slots = ['q', 's'].flatMap((side) =>
    Array.from({ length: SLOTS }, (_, i) => `${side}${i}=%DYNAMIC_METADATA(t:${side}${i})%`),
  )
  return {
    log: `%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(u:k)% ${slots.join(' ')}`,
    routes: [
      {
        match: { prefix: '/' },
        name: 'rr',
        route: { cluster: '$up' },
        metadata: {
          filter_metadata: {
            'envoy.filters.http.lua': {
              s: 'text',
              n: 5,
              f: 1.5,
              b: true,
              l: [1, 'a', null],
              o: { a: { b: 1 } },
              z: null,
            },
          },
        },
      },
    ],
    filters: [
      {
        name: 'envoy.filters.http.lua',
        typed_config: { '@type': '~extensions.filters.http.lua.v3.Lua', default_source_code: { inline_string: code } },
      },
    ],
    upstream: dice.list(1, 2, () => ({
      status: dice.pick([200, 200, 404]),
      headers: { 'x-a': dice.pick(['1', ['1', '2']]), ...(dice.chance(0.3) ? { 'content-type': 'text/plain' } : {}) },
      ...dice.pick([
        { body: 'hello' },
        { body: '' },
        { chunks: ['hel', 'lo'] },
        { chunks: ['hello'], trailers: { 'x-t': '1' } },
      ]),
    })),
    steps: dice.list(
      1,
      2,
      (): Step => ({
        send: {
          method: dice.pick(['GET', 'POST', 'POST']),
          headers: { 'x-a': dice.pick(['1', ['1', '2'], '']), 'x-b': 'two words' },
          ...dice.pick([
            {},
            { body: 'hello' },
            { chunks: ['he', 'llo'] },
            { chunks: ['abc'], trailers: { 'x-t': 'v' } },
            { body: '' },
          ]),
        },
        expect: {},
      }),
    ),
  }
}
