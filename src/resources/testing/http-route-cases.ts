import { type Case, casesOf, SKIPPED } from './cases.ts'

const RULE = 'spec.rules[0]: Invalid value: "object": '
const OF = " when type one of ['Exact', 'PathPrefix']"
const backend = { name: 'reviews', port: 9080 }
const rule = (more: object) => ({ rules: [more] })
const path = (value: string, type = 'PathPrefix') => rule({ matches: [{ path: { type, value } }] })
const badPath = (value: string, ...says: string[]): [unknown, ...string[]] => [
  path(value),
  ...says.map((text) => `spec.rules[0].matches[0].path: Invalid value: "object": ${text}`),
]
const VALID =
  "must only contain valid characters (matching ^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$) for types ['Exact', 'PathPrefix']"

const FILTERS: readonly [type: string, field: string, value: object][] = [
  ['RequestHeaderModifier', 'requestHeaderModifier', { set: [{ name: 'a', value: 'b' }] }],
  ['ResponseHeaderModifier', 'responseHeaderModifier', { remove: ['a'] }],
  ['RequestMirror', 'requestMirror', { backendRef: backend }],
  ['RequestRedirect', 'requestRedirect', { hostname: 'a.example.com' }],
  ['URLRewrite', 'urlRewrite', { hostname: 'a.example.com' }],
  ['ExtensionRef', 'extensionRef', { group: '', kind: 'ConfigMap', name: 'c' }],
]

const REPEATED = ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestRedirect', 'URLRewrite']
const filterOf = (type: string) => {
  const [, field, value] = FILTERS.find((one) => one[0] === type)!
  return { type, [field]: value }
}

/** The same filters stand in a rule and in a backend of it. */
const filterCases = (at: string, place: (filters: object[]) => object): Case[] =>
  casesOf('gateway.networking.k8s.io/v1', 'HTTPRoute', {
    ...Object.fromEntries(FILTERS.map(([type]) => [`${at}: ${type}`, [place([filterOf(type)])]])),
    ...Object.fromEntries(
      FILTERS.map(([type, field]) => [
        `${at}: ${type} without its field`,
        [
          place([{ type }]),
          `${at}[0]: Invalid value: "object": filter.${field} must be specified for ${type} filter.type`,
        ],
      ]),
    ),
    ...Object.fromEntries(
      FILTERS.map(([type, field, value], i) => {
        const other = FILTERS[(i + 1) % FILTERS.length][0]
        const says = `${at}[0]: Invalid value: "object": filter.${field} must be nil if the filter.type is not ${type}`
        return [`${at}: ${field} in ${other}`, [place([{ ...filterOf(other), [field]: value }]), says]]
      }),
    ),
    ...Object.fromEntries(
      REPEATED.map((type) => {
        const says = `${at}: Invalid value: "array": ${type} filter cannot be repeated`
        return [`${at}: ${type} twice`, [place([filterOf(type), filterOf(type)]), says]]
      }),
    ),
    [`${at}: redirect and rewrite`]: [
      place([filterOf('RequestRedirect'), filterOf('URLRewrite')]),
      `${at}: Invalid value: "array": May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both`,
    ],
    [`${at}: mirror to a Service without port`]: [
      place([{ type: 'RequestMirror', requestMirror: { backendRef: { name: 'a' } } }]),
      `${at}[0].requestMirror.backendRef: Invalid value: "object": Must have port for Service reference`,
    ],
    [`${at}: mirror a half`]: [
      place([
        { type: 'RequestMirror', requestMirror: { backendRef: backend, fraction: { numerator: 1, denominator: 2 } } },
      ]),
    ],
    [`${at}: mirror percent and fraction`]: [
      place([
        { type: 'RequestMirror', requestMirror: { backendRef: backend, percent: 1, fraction: { numerator: 1 } } },
      ]),
      `${at}[0].requestMirror: Invalid value: "object": Only one of percent or fraction may be specified in HTTPRequestMirrorFilter`,
    ],
    [`${at}: mirror more than all`]: [
      place([
        { type: 'RequestMirror', requestMirror: { backendRef: backend, fraction: { numerator: 2, denominator: 1 } } },
      ]),
      `${at}[0].requestMirror.fraction: Invalid value: "object": numerator must be less than or equal to denominator`,
    ],
    ...Object.fromEntries(['RequestRedirect', 'URLRewrite'].flatMap((type) => pathModifiers(at, type, place))),
  })

function pathModifiers(
  at: string,
  type: string,
  place: (filters: object[]) => object,
): [string, [unknown, ...string[]]][] {
  const [, field] = FILTERS.find((one) => one[0] === type)!
  const table: [string, object, ...string[]][] = [
    ['full', { type: 'ReplaceFullPath', replaceFullPath: '/a' }],
    [
      'full, absent',
      { type: 'ReplaceFullPath' },
      "replaceFullPath must be specified when type is set to 'ReplaceFullPath'",
    ],
    [
      'prefix, absent',
      { type: 'ReplacePrefixMatch' },
      "replacePrefixMatch must be specified when type is set to 'ReplacePrefixMatch'",
    ],
    [
      'full in prefix',
      { type: 'ReplacePrefixMatch', replacePrefixMatch: '/b', replaceFullPath: '/a' },
      "type must be 'ReplaceFullPath' when replaceFullPath is set",
    ],
    [
      'prefix in full',
      { type: 'ReplaceFullPath', replaceFullPath: '/a', replacePrefixMatch: '/b' },
      "type must be 'ReplacePrefixMatch' when replacePrefixMatch is set",
    ],
  ]
  return table.map(([name, value, ...says]) => [
    `${at}: ${type} path ${name}`,
    [
      place([{ type, [field]: { path: value } }]),
      ...says.map((text) => `${at}[0].${field}.path: Invalid value: "object": ${text}`),
    ],
  ])
}

const prefix = { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } }
const exact = [{ path: { type: 'Exact', value: '/a' } }]
const parent = { name: 'g' }

export const HTTP_ROUTE_CASES: readonly Case[] = [
  ...casesOf('gateway.networking.k8s.io/v1', 'HTTPRoute', {
    bookinfo: [{ parentRefs: [parent], rules: [{ matches: exact, backendRefs: [backend] }] }],
    'nothing but defaults': [{}],
    'regular expression': [path('/a/../b//', 'RegularExpression')],
    timeouts: [rule({ timeouts: { request: '2s', backendRequest: '1s' } })],
    'no limit for the request': [rule({ timeouts: { request: '0s', backendRequest: '1s' } })],
    'backend of another kind needs no port': [
      rule({ backendRefs: [{ group: 'a.example.com', kind: 'B', name: 'b' }] }),
    ],
    'prefix replaced for a prefix': [
      rule({ matches: [{ path: { value: '/a' } }], filters: [{ type: 'URLRewrite', urlRewrite: prefix }] }),
    ],
    'redirect with a backend': [
      rule({ filters: [filterOf('RequestRedirect')], backendRefs: [backend] }),
      `${RULE}RequestRedirect filter must not be used together with backendRefs`,
    ],
    'backend without port': [
      rule({ backendRefs: [{ name: 'a' }] }),
      'spec.rules[0].backendRefs[0]: Invalid value: "object": Must have port for Service reference',
    ],
    'backend longer than the request': [
      rule({ timeouts: { request: '1s', backendRequest: '1500ms' } }),
      'spec.rules[0].timeouts: Invalid value: "object": backendRequest timeout cannot be longer than request timeout',
    ],
    'timeout without unit': [
      rule({ timeouts: { request: '1' } }),
      `spec.rules[0].timeouts.request: Invalid value: "1": spec.rules[0].timeouts.request in body should match '^([0-9]{1,5}(h|m|s|ms)){1,4}$'`,
    ],
    'prefix redirected for an exact path': [
      rule({ matches: exact, filters: [{ type: 'RequestRedirect', requestRedirect: prefix }] }),
      `${RULE}When using RequestRedirect filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified`,
    ],
    'prefix rewritten for an exact path': [
      rule({ matches: exact, filters: [{ type: 'URLRewrite', urlRewrite: prefix }] }),
      `${RULE}When using URLRewrite filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified`,
    ],
    'prefix redirected by a backend': [
      rule({
        matches: exact,
        backendRefs: [{ ...backend, filters: [{ type: 'RequestRedirect', requestRedirect: prefix }] }],
      }),
      `${RULE}Within backendRefs, When using RequestRedirect filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified`,
    ],
    'prefix rewritten by a backend': [
      rule({ matches: exact, backendRefs: [{ ...backend, filters: [{ type: 'URLRewrite', urlRewrite: prefix }] }] }),
      `${RULE}Within backendRefs, When using URLRewrite filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified`,
    ],
    'path not absolute': badPath('a', `value must be an absolute path and start with '/'${OF}`),
    'path //': badPath('/a//b', `must not contain '//'${OF}`),
    'path /./': badPath('/a/./b', `must not contain '/./'${OF}`),
    'path /../': badPath('/a/../b', `must not contain '/../'${OF}`),
    'path %2f': badPath('/a%2fb', `must not contain '%2f'${OF}`),
    'path %2F': badPath('/a%2Fb', `must not contain '%2F'${OF}`),
    'path #': badPath('/a#b', `must not contain '#'${OF}`, VALID),
    'path /..': badPath('/a/..', `must not end with '/..'${OF}`),
    'path /.': badPath('/a/.', `must not end with '/.'${OF}`),
    'path with a space': badPath('/a b', VALID),
    'path type': [
      path('/a', 'Glob'),
      'spec.rules[0].matches[0].path.type: Unsupported value: "Glob": supported values: "Exact", "PathPrefix", "RegularExpression"',
      SKIPPED,
    ],
    'too many matches': [
      { rules: Array.from({ length: 3 }, () => ({ matches: Array.from({ length: 43 }, () => exact[0]) })) },
      'spec.rules: Invalid value: "array": While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route must be less than 128',
    ],
    'too many rules': [
      { rules: Array.from({ length: 17 }, () => ({})) },
      'spec.rules: Too many: 17: must have at most 16 items',
      SKIPPED,
    ],
    'one parent with and without section': [
      { parentRefs: [parent, { ...parent, sectionName: 's' }] },
      'spec.parentRefs: Invalid value: "array": sectionName must be specified when parentRefs includes 2 or more references to the same parent',
    ],
    'one parent and section twice': [
      {
        parentRefs: [
          { ...parent, sectionName: 's' },
          { ...parent, sectionName: 's' },
        ],
      },
      'spec.parentRefs: Invalid value: "array": sectionName must be unique when parentRefs includes 2 or more references to the same parent',
    ],
    'parents of the same name in two namespaces': [
      {
        parentRefs: [
          { ...parent, namespace: 'a' },
          { ...parent, namespace: 'b' },
        ],
      },
    ],
    'header match twice': [
      rule({
        matches: [
          {
            headers: [
              { name: 'a', value: '1' },
              { name: 'a', value: '2' },
            ],
          },
        ],
      }),
      'spec.rules[0].matches[0].headers[1]: Duplicate value: {"name":"a"}',
    ],
  }),
  ...filterCases('spec.rules[0].filters', (filters) => rule({ filters })),
  ...filterCases('spec.rules[0].backendRefs[0].filters', (filters) => rule({ backendRefs: [{ ...backend, filters }] })),
]
