/** Header maps: which exist when, and what the functions on them do (facts on Envoy: Http::HeaderMapImpl, Wasm Context). */
import type { Case, Exchange } from '../case.ts'
import { inRequestHeaders, inResponseHeaders, post } from './build.ts'

const SPEC = 'proxy-wasm/spec abi-versions/v0.2.1: '
const ENVOY = 'Envoy source/extensions/common/wasm/context.cc: '

const PLAIN = ':authority=example.test;:path=/;:method=GET;:scheme=http'
const twice: Exchange = {
  request: {
    headers: [
      ['x-a', '1'],
      ['x-b', '2'],
      ['X-A', '3'],
    ],
  },
}

const reading: Case[] = [
  inRequestHeaders('headers-get', `${SPEC}proxy_get_header_map_value`, 'get_header_map_value 0 ":path" >s', [
    'get_header_map_value 0 "/"',
  ]),
  inRequestHeaders(
    'headers-get-missing',
    `${SPEC}NOT_FOUND when the requested key was not found`,
    'get_header_map_value 0 "nope" >s',
    ['get_header_map_value 1'],
  ),
  inRequestHeaders(
    'headers-get-missing-0.2.0',
    `${SPEC}as v0.2.0`,
    'get_header_map_value 0 "nope" >s',
    ['get_header_map_value 1'],
    { module: 'probe-0.2.0' },
  ),
  inRequestHeaders(
    'headers-get-missing-0.1.0',
    'proxy-wasm-cpp-host exports.cc: ABI 0.1.0 gives OK and an empty value',
    'get_header_map_value 0 "nope" >s',
    ['get_header_map_value 0 ""'],
    { module: 'probe-0.1.0' },
  ),
  inRequestHeaders(
    'headers-get-upper-case',
    `${ENVOY}Http::LowerCaseString(key)`,
    'get_header_map_value 0 "X-A" >s',
    ['get_header_map_value 0 "1"'],
    { exchanges: [twice] },
  ),
  inRequestHeaders(
    'headers-get-first',
    `${ENVOY}the first of repeated values`,
    'get_header_map_value 0 "x-a" >s',
    ['get_header_map_value 0 "1"'],
    { exchanges: [twice] },
  ),
  inRequestHeaders(
    'headers-get-empty-value',
    `${SPEC}an empty value is a value`,
    'get_header_map_value 0 "x-a" >s',
    ['get_header_map_value 0 ""'],
    { exchanges: [{ request: { headers: [['x-a', '']] } }] },
  ),
  inRequestHeaders(
    'headers-pairs',
    `${SPEC}proxy_get_header_map_pairs; ${ENVOY}pseudo headers first, then in order`,
    'get_header_map_pairs 0 >m',
    [`get_header_map_pairs 0 {${PLAIN};x-a=1;x-b=2;x-a=3;x-forwarded-proto=http}`],
    { exchanges: [twice] },
  ),
  inRequestHeaders('headers-size', `${ENVOY}byteSize(), the sum of names and values`, 'get_header_map_size 0 >u', [
    'get_header_map_size 0 70',
  ]),
  inRequestHeaders('headers-count', `${SPEC}num_headers of proxy_on_request_headers`, 'say $a1 $a2', ['5 1']),
  inRequestHeaders('headers-count-with-body', `${SPEC}end_of_stream`, 'say $a1 $a2', ['6 0'], {
    exchanges: [post('x')],
  }),
  inRequestHeaders('headers-count-0.1.0', `${SPEC}ABI 0.1.0 has no end_of_stream`, 'say $a1 $a2', ['5 0'], {
    module: 'probe-0.1.0',
  }),
  inRequestHeaders(
    'headers-latin1',
    `${ENVOY}values are bytes`,
    'get_header_map_value 0 "x-a" >s',
    ['get_header_map_value 0 "caf\\xe9"'],
    { plugin: { passInvalidUtf8: true, vmId: 'vm-latin1' }, exchanges: [{ request: { headers: [['x-a', 'café']] } }] },
  ),
  inResponseHeaders(
    'headers-response-status',
    `${SPEC}response headers`,
    'get_header_map_value 2 ":status" >s',
    ['get_header_map_value 0 "201"'],
    { exchanges: [{ upstream: { status: 201 }, expect: { status: 201 } }] },
  ),
  inResponseHeaders(
    'headers-response-sees-request',
    `${ENVOY}request headers stay readable`,
    'get_header_map_value 0 ":method" >s',
    ['get_header_map_value 0 "GET"'],
  ),
]

/** A map that is not there: what each function says, by map type. */
const UNAVAILABLE: readonly [string, number, string][] = [
  ['request-trailers', 1, 'in the headers callback'],
  ['response-headers', 2, 'before the response'],
  ['response-trailers', 3, 'before the response'],
  ['grpc-initial', 4, 'outside of its callback'],
  ['grpc-trailing', 5, 'outside of its callback'],
  ['call-headers', 6, 'outside of its callback'],
  ['call-trailers', 7, 'outside of its callback'],
]

const unavailable: Case[] = UNAVAILABLE.flatMap(([name, map, when]) => {
  const source = `${ENVOY}getMap() is null ${when}`
  return [
    inRequestHeaders(`headers-unavailable-get-${name}`, source, `get_header_map_value ${map} "a" >s`, [
      'get_header_map_value 2',
    ]),
    inRequestHeaders(`headers-unavailable-pairs-${name}`, source, `get_header_map_pairs ${map} >m`, [
      'get_header_map_pairs 0 {}',
    ]),
    inRequestHeaders(`headers-unavailable-size-${name}`, source, `get_header_map_size ${map} >u`, [
      'get_header_map_size 2',
    ]),
    ...(map === 1 || map === 3
      ? []
      : [
          inRequestHeaders(`headers-unavailable-add-${name}`, source, `add_header_map_value ${map} "a" "b"`, [
            'add_header_map_value 2',
          ]),
          inRequestHeaders(`headers-unavailable-replace-${name}`, source, `replace_header_map_value ${map} "a" "b"`, [
            'replace_header_map_value 2',
          ]),
          inRequestHeaders(`headers-unavailable-remove-${name}`, source, `remove_header_map_value ${map} "a"`, [
            'remove_header_map_value 2',
          ]),
          inRequestHeaders(`headers-unavailable-set-${name}`, source, `set_header_map_pairs ${map} m"a=b"`, [
            'set_header_map_pairs 2',
          ]),
        ]),
  ]
})

const badType: Case[] = [
  ['get_header_map_value 8 "a" >s', 2],
  ['get_header_map_pairs 8 >m', 2],
  ['get_header_map_size 8 >u', 2],
  ['add_header_map_value 8 "a" "b"', 2],
  ['replace_header_map_value 8 "a" "b"', 2],
  ['remove_header_map_value 8 "a"', 2],
  ['set_header_map_pairs 8 m"a=b"', 2],
  ['get_header_map_value -1 "a" >s', 2],
].map(([call, status], i) => {
  const name = String(call).split(' ')[0]
  return inRequestHeaders(`headers-bad-type-${name}-${i}`, `${SPEC}BAD_ARGUMENT for unknown map_type`, String(call), [
    `${name} ${status}`,
  ])
})

const seen = (headers: Record<string, string | null>): Exchange => ({ ...twice, expect: { upstream: { headers } } })

const writing: Case[] = [
  inRequestHeaders(
    'headers-add',
    `${SPEC}proxy_add_header_map_value`,
    'add_header_map_value 0 "x-c" "4"',
    ['add_header_map_value 0'],
    { exchanges: [seen({ 'x-c': '4' })] },
  ),
  inRequestHeaders(
    'headers-add-repeats',
    `${ENVOY}addCopy appends`,
    'add_header_map_value 0 "x-a" "9"',
    ['add_header_map_value 0'],
    { exchanges: [seen({ 'x-a': '1 | 3 | 9' })] },
  ),
  inRequestHeaders(
    'headers-add-lowers',
    `${ENVOY}names are lower-cased`,
    'add_header_map_value 0 "X-New" "4"\nget_header_map_value 0 "x-new" >s',
    ['add_header_map_value 0', 'get_header_map_value 0 "4"'],
    { exchanges: [seen({ 'x-new': '4' })] },
  ),
  inRequestHeaders(
    'headers-add-empty-value',
    `${SPEC}proxy_add_header_map_value`,
    'add_header_map_value 0 "x-c" ""\nget_header_map_value 0 "x-c" >s',
    ['add_header_map_value 0', 'get_header_map_value 0 ""'],
    { exchanges: [twice] },
  ),
  inRequestHeaders(
    'headers-add-inline',
    `${ENVOY}a second entry of any name is an entry of its own (RFC 9110 5.2)`,
    'add_header_map_value 0 "user-agent" "b"\nget_header_map_value 0 "user-agent" >s',
    ['add_header_map_value 0', 'get_header_map_value 0 "a"'],
    { exchanges: [{ request: { headers: [['user-agent', 'a']] } }] },
  ),
  inRequestHeaders(
    'headers-replace',
    `${SPEC}proxy_replace_header_map_value`,
    'replace_header_map_value 0 "x-b" "9"',
    ['replace_header_map_value 0'],
    { exchanges: [seen({ 'x-b': '9' })] },
  ),
  inRequestHeaders(
    'headers-replace-repeated',
    `${ENVOY}setCopy: the first is set, the others go`,
    'replace_header_map_value 0 "x-a" "9"',
    ['replace_header_map_value 0'],
    { exchanges: [seen({ 'x-a': '9' })] },
  ),
  inRequestHeaders(
    'headers-replace-absent',
    `${ENVOY}setCopy adds`,
    'replace_header_map_value 0 "x-z" "9"',
    ['replace_header_map_value 0'],
    { exchanges: [seen({ 'x-z': '9' })] },
  ),
  inRequestHeaders(
    'headers-remove',
    `${SPEC}proxy_remove_header_map_value`,
    'remove_header_map_value 0 "x-a"',
    ['remove_header_map_value 0'],
    { exchanges: [seen({ 'x-a': null, 'x-b': '2' })] },
  ),
  inRequestHeaders(
    'headers-remove-upper-case',
    `${ENVOY}names are lower-cased`,
    'remove_header_map_value 0 "X-A"',
    ['remove_header_map_value 0'],
    { exchanges: [seen({ 'x-a': null })] },
  ),
  inRequestHeaders(
    'headers-remove-absent',
    `${ENVOY}removal of what is not there is OK`,
    'remove_header_map_value 0 "x-z"',
    ['remove_header_map_value 0'],
    { exchanges: [twice] },
  ),
  inRequestHeaders(
    'headers-set-pairs',
    `${SPEC}proxy_set_header_map_pairs`,
    'set_header_map_pairs 0 m":method=GET;:path=/set;:authority=set.test;:scheme=http;x-forwarded-proto=http;x-n=1"',
    ['set_header_map_pairs 0'],
    {
      exchanges: [
        { ...twice, expect: { upstream: { path: '/set', headers: { host: 'set.test', 'x-n': '1', 'x-a': null } } } },
      ],
    },
  ),
  inRequestHeaders(
    'headers-change-path',
    `${ENVOY}pseudo headers are entries like others`,
    'replace_header_map_value 0 ":path" "/changed?q=1"',
    ['replace_header_map_value 0'],
    { exchanges: [{ expect: { upstream: { path: '/changed?q=1' } } }] },
  ),
  inRequestHeaders(
    'headers-change-method',
    `${ENVOY}pseudo headers are entries like others`,
    'replace_header_map_value 0 ":method" "PUT"',
    ['replace_header_map_value 0'],
    { exchanges: [{ expect: { upstream: { method: 'PUT' } } }] },
  ),
  inRequestHeaders(
    'headers-change-authority',
    `${ENVOY}pseudo headers are entries like others`,
    'replace_header_map_value 0 ":authority" "new.test"',
    ['replace_header_map_value 0'],
    { exchanges: [{ expect: { upstream: { headers: { host: 'new.test' } } } }] },
  ),
  inRequestHeaders(
    'headers-host-is-authority',
    `${ENVOY}host maps to :authority`,
    'get_header_map_value 0 "host" >s\nreplace_header_map_value 0 "host" "new.test"',
    ['get_header_map_value 0 "example.test"', 'replace_header_map_value 0'],
    { exchanges: [{ expect: { upstream: { headers: { host: 'new.test' } } } }] },
  ),
  inResponseHeaders(
    'headers-response-add',
    `${SPEC}response headers`,
    'add_header_map_value 2 "x-n" "1"',
    ['add_header_map_value 0'],
    { exchanges: [{ expect: { response: { headers: { 'x-n': '1' } } } }] },
  ),
  inResponseHeaders(
    'headers-response-replace',
    `${SPEC}response headers`,
    'replace_header_map_value 2 "x-u" "1"',
    ['replace_header_map_value 0'],
    {
      exchanges: [
        {
          upstream: {
            headers: [
              ['x-u', '0'],
              ['x-u', '2'],
            ],
          },
          expect: { response: { headers: { 'x-u': '1' } } },
        },
      ],
    },
  ),
  inResponseHeaders(
    'headers-response-remove',
    `${SPEC}response headers`,
    'remove_header_map_value 2 "x-u"',
    ['remove_header_map_value 0'],
    { exchanges: [{ upstream: { headers: [['x-u', '0']] }, expect: { response: { headers: { 'x-u': null } } } }] },
  ),
  inResponseHeaders(
    'headers-response-set-pairs',
    `${SPEC}response headers`,
    'set_header_map_pairs 2 m":status=202;x-n=1;content-length=8"',
    ['set_header_map_pairs 0'],
    {
      exchanges: [
        {
          upstream: { headers: [['x-u', '0']] },
          expect: { status: 202, response: { headers: { 'x-u': null, 'x-n': '1' } } },
        },
      ],
    },
  ),
  inResponseHeaders(
    'headers-response-status-change',
    `${ENVOY}:status can be changed`,
    'replace_header_map_value 2 ":status" "418"',
    ['replace_header_map_value 0'],
    { exchanges: [{ expect: { status: 418 } }] },
  ),
  inResponseHeaders(
    'headers-response-two-cookies',
    `${ENVOY}order and repeats of set-cookie stay`,
    'add_header_map_value 2 "set-cookie" "c=3"\nget_header_map_value 2 "set-cookie" >s',
    ['add_header_map_value 0', 'get_header_map_value 0 "a=1"'],
    {
      exchanges: [
        {
          upstream: {
            headers: [
              ['set-cookie', 'a=1'],
              ['set-cookie', 'b=2'],
            ],
          },
          expect: { response: { headers: { 'set-cookie': 'a=1 | b=2 | c=3' } } },
        },
      ],
    },
  ),
  inResponseHeaders(
    'headers-request-write-late',
    `${ENVOY}request headers were forwarded: the write has no effect on the upstream`,
    'add_header_map_value 0 "x-late" "1"',
    ['add_header_map_value 0'],
    { exchanges: [{ expect: { upstream: { headers: { 'x-late': null } } } }] },
  ),
]

const REQUIRED: readonly [string, number, string][] = [
  [':method', 503, 'Envoy http/filter_manager: filter_removed_required_request_headers'],
  [':path', 404, 'Envoy: the route is looked up afresh, and nothing matches a request without a path'],
  [':authority', 503, 'Envoy http/filter_manager: filter_removed_required_request_headers'],
]

const required: Case[] = [
  ...REQUIRED.map(([name, status, source]) =>
    inRequestHeaders(
      `headers-required-${name.slice(1)}`,
      source,
      `remove_header_map_value 0 "${name}"`,
      ['remove_header_map_value 0'],
      { exchanges: [{ expect: { status, upstream: null } }] },
    ),
  ),
  inResponseHeaders(
    'headers-required-status',
    'Envoy http/filter_manager: filter_removed_required_response_headers',
    'remove_header_map_value 2 ":status"',
    ['remove_header_map_value 0'],
    { exchanges: [{ expect: { status: 502 } }] },
  ),
]

const routing: Case[] = [
  inRequestHeaders(
    'route-cache-header',
    `${ENVOY}a changed request header clears the route cache`,
    'add_header_map_value 0 "x-route" "other"',
    ['add_header_map_value 0'],
    { exchanges: [{ expect: { upstream: { headers: { 'x-route-name': 'other' } } } }] },
  ),
  inRequestHeaders(
    'route-cache-path',
    `${ENVOY}a changed path clears the route cache`,
    'replace_header_map_value 0 ":path" "/other/x"',
    ['replace_header_map_value 0'],
    { exchanges: [{ expect: { upstream: { path: '/other/x', headers: { 'x-route-name': 'other' } } } }] },
  ),
  inRequestHeaders(
    'route-cache-remove',
    `${ENVOY}a removed header clears the route cache`,
    'remove_header_map_value 0 "x-route"',
    ['remove_header_map_value 0'],
    {
      exchanges: [
        { request: { headers: [['x-route', 'other']] }, expect: { upstream: { headers: { 'x-route-name': 'main' } } } },
      ],
    },
  ),
  inRequestHeaders(
    'route-cache-set-pairs',
    `${ENVOY}setHeaderMapPairs clears the route cache`,
    'set_header_map_pairs 0 m":method=GET;:path=/;:authority=a;:scheme=http;x-forwarded-proto=http;x-route=other"',
    ['set_header_map_pairs 0'],
    { exchanges: [{ expect: { upstream: { headers: { 'x-route-name': 'other' } } } }] },
  ),
]

export const cases: Case[] = [
  ...reading,
  ...unavailable,
  ...badType,
  ...writing,
  ...[...required, ...routing].map((one) => ({ ...one, needsProxy: true })),
]
