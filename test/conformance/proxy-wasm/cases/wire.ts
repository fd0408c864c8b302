/** What crosses the border as bytes: serialised maps, and header values that would split a message. */
import type { Case } from '../case.ts'
import { inRequestHeaders, program } from './build.ts'

/** Maps from the module that are not well formed count as empty (proxy-wasm-cpp-host pairs_util.cc). */
const word = (n: number) =>
  Buffer.from(new Uint32Array([n]).buffer).reduce((text, byte) => `${text}\\x${byte.toString(16).padStart(2, '0')}`, '')
const BROKEN: readonly [string, string, string][] = [
  ['empty', '""', 'no bytes are no pairs'],
  ['zero-count', `"${word(0)}"`, 'a count of 0'],
  ['one-byte', '"\\x00"', 'too short for a count'],
  ['short-count', '"\\x01\\x00"', 'too short for a count'],
  ['no-sizes', `"${word(1)}"`, 'too short for the sizes'],
  ['size-past-end', `"${word(1)}${word(1)}${word(100)}a\\x00b\\x00"`, 'a size past the end'],
  ['size-huge', `"${word(1)}${word(0xffffffff)}${word(1)}a\\x00b\\x00"`, 'sizes that overflow'],
  ['no-nul-after-key', `"${word(1)}${word(1)}${word(1)}axb\\x00"`, 'no NUL after the key'],
  ['no-nul-after-value', `"${word(1)}${word(1)}${word(1)}a\\x00bx"`, 'no NUL after the value'],
  ['trailing', `"${word(1)}${word(1)}${word(1)}a\\x00b\\x00\\x00"`, 'bytes after the last pair'],
  ['too-many', `"${word(1025)}*{\\,1}"`, 'more than 1024 pairs'],
  ['count-lies', `"${word(2)}${word(1)}${word(1)}a\\x00b\\x00"`, 'a count above what is there'],
]

const serialisation: Case[] = BROKEN.map(([name, literal, why]) => ({
  id: `pairs-${name}`,
  source: `proxy-wasm-cpp-host pairs_util.cc: ${why}: the map is empty, the call goes on`,
  config: program(`[request_trailers]
    set_header_map_pairs 1 ${literal}
    get_header_map_size 1 >u`),
  exchanges: [{ request: { method: 'POST', body: ['x'], trailers: [['t', '1']] } }],
  log: ['set_header_map_pairs 0', 'get_header_map_size 0 0'],
}))

const serialised: Case[] = [
  inRequestHeaders(
    'pairs-binary-value',
    'proxy-wasm/spec: sizes are 32 bit, values are bytes',
    `~add_header_map_value 0 "x-b" "\\xe9"\nget_header_map_value 0 "x-b" >s`,
    ['get_header_map_value 0 "\\xe9"'],
    { plugin: { passInvalidUtf8: true, vmId: 'vm-latin1' } },
  ),
  inRequestHeaders(
    'pairs-long-value',
    'proxy-wasm/spec: sizes are 32 bit',
    '~add_header_map_value 0 "x-long" "*{v,3000}"\nget_header_map_size 0 >u',
    ['get_header_map_size 0 3076'],
  ),
  {
    id: 'pairs-exact',
    source: 'proxy-wasm/spec: the layout ends with the last NUL',
    config: '[request_trailers]\nget_header_map_pairs 1 >s',
    exchanges: [{ request: { method: 'POST', body: ['x'], trailers: [['t', '1']] } }],
    log: ['get_header_map_pairs 0 "\\x01\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x01\\x00\\x00\\x00t\\x001\\x00"'],
  },
]

/** Values that would split a message. */
const hostile: Case[] = [
  ['crlf-value', 'add_header_map_value 0 "x-h" "a\\x0d\\x0ab: c"'],
  ['lf-value', 'add_header_map_value 0 "x-h" "a\\x0ab"'],
  ['nul-value', 'add_header_map_value 0 "x-h" "a\\x00b"'],
  ['crlf-name', 'add_header_map_value 0 "x\\x0d\\x0ay" "v"'],
  ['space-name', 'add_header_map_value 0 "x y" "v"'],
  ['empty-name', 'add_header_map_value 0 "" "v"'],
  ['replace-crlf', 'replace_header_map_value 0 "x-h" "a\\x0d\\x0ab: c"'],
].map(([name, call]) =>
  inRequestHeaders(
    `hostile-${name}`,
    'RFC 9110 5.5, 5.6.2: such a field would split or smuggle; refused',
    `${call}`,
    [`${call.split(' ')[0]} 2`],
    { exchanges: [{ expect: { upstream: { headers: { 'x-h': null, b: null } } } }] },
  ),
)

export const cases: Case[] = [...serialisation, ...serialised, ...hostile]
