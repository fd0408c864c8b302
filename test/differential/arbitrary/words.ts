/** Small alphabets, so that what is asked for meets what is configured. */
import fc from 'fast-check'

/** An object with any of these fields. */
export function some<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  return fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>
}

/** Any of these objects' fields: for a oneof of protobuf. */
export function oneField(
  fields: Readonly<Record<string, fc.Arbitrary<unknown>>>,
): fc.Arbitrary<Record<string, unknown>> {
  return fc.oneof(...Object.entries(fields).map(([name, value]) => value.map((made) => ({ [name]: made }))))
}

/** Nearly always the first: a configuration that is refused says nothing about requests. */
export function seldomOdd<T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 120, arbitrary: usual }, { weight: 1, arbitrary: odd })
}

export const fields = (...parts: fc.Arbitrary<object>[]): fc.Arbitrary<Record<string, unknown>> =>
  fc.tuple(...parts).map((made) => Object.assign({}, ...made) as Record<string, unknown>)

export const on = fc.boolean()

export const headerName = fc.constantFrom('x-a', 'x-b', 'X-C', 'x-dup', 'x-none', 'cookie', 'user-agent')
export const headerValue = fc.constantFrom(
  '',
  'a',
  'A',
  'ab',
  'b',
  'a,b',
  'a, b',
  '1',
  '-1',
  '10',
  'a=b',
  'k=a; l=b',
  'é',
)
/** Not empty, where emptiness is refused. */
export const someValue = seldomOdd(fc.constantFrom('a', 'A', 'ab', 'b', 'a,b', '1', 'a=b', 'é'), fc.constant(''))
export const segment = fc.constantFrom('a', 'b', 'A', 'ab', 'c', 'a.b', 'x;y')
export const simplePath = fc.array(segment, { maxLength: 3 }).map((parts) => `/${parts.join('/')}`)
export const domain = fc.constantFrom(
  'a.example',
  'b.example',
  'A.Example',
  '*.example',
  '*.b.example',
  '*-a.example',
  'a.*',
  'a.b.*',
  'a.example:80',
  'a.example:*',
  '*.example:81',
  'a.example.',
  '*',
  '[::1]',
  '127.0.0.1',
)
export const host = fc.constantFrom(
  'a.example',
  'b.example',
  'A.EXAMPLE',
  'c.b.example',
  'x-a.example',
  '.example',
  'example',
  'a.b.c',
  'a.example:80',
  'a.example:81',
  'a.example.',
  'a.example.:80',
  '[::1]',
  '[::1]:80',
  '127.0.0.1',
  '127.0.0.1:8080',
  'a',
  'a_b.example',
)

/** Expressions that say much in few letters; what RE2 does not take is among them. */
export const regex = seldomOdd(
  fc.constantFrom(
    '.*',
    '/a.*',
    '/(a|b)(/.*)?',
    '^/a$',
    '(?i)/A',
    '/[^/]+/b',
    'a+',
    'a',
    '(.*)b',
    '\\d+',
    '(a)(b)?',
    '/(.*)/(.*)',
  ),
  fc.constantFrom('', 'a(?=b)', '('),
).map((text) => ({ regex: text }))

export const stringMatcher = fields(
  oneField({
    exact: headerValue,
    prefix: someValue,
    suffix: someValue,
    contains: someValue,
    safe_regex: regex,
  }),
  some({ ignore_case: on }),
)

/** Operators whose values do not depend on the run. */
const operator = fc.constantFrom(
  '%REQ(x-a)%',
  '%REQ(:path)%',
  '%REQ(:authority)%',
  '%REQ(host)%',
  '%REQ(x-none?x-b)%',
  '%REQ(X-A):1%',
  '%REQ(x-dup)%',
  '%REQ(x-none)%',
  '%REQ(x-forwarded-proto)%',
  '%REQ(x-envoy-original-path?:path)%',
  '%PATH(NQ)%',
  '%PATH(WQ:ORIG)%',
  '%PATH(NQ:ORIG_OR_PATH)%',
  '%QUERY_PARAM(a)%',
  '%RESP(x-reply)%',
  '%RESP(x-none)%',
  '%PROTOCOL%',
  '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%',
  '%DOWNSTREAM_LOCAL_PORT%',
  '%ROUTE_NAME%',
  '%VIRTUAL_CLUSTER_NAME%',
  '%UPSTREAM_CLUSTER%',
  '%UPSTREAM_HOST%',
  '%UPSTREAM_PROTOCOL%',
  '%RESPONSE_CODE%',
  '%RESPONSE_FLAGS%',
  '%RESPONSE_CODE_DETAILS%',
  '%BYTES_RECEIVED%',
  '%REQUESTED_SERVER_NAME%',
  '%FILTER_CHAIN_NAME%',
  '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  '%GRPC_STATUS%',
  '%TRAILER(x)%',
  '%DYNAMIC_METADATA(a:b)%',
  '%%',
)
export const format = seldomOdd(
  fc.oneof(
    { weight: 2, arbitrary: headerValue },
    { weight: 3, arbitrary: operator },
    {
      weight: 2,
      arbitrary: fc.array(fc.oneof(operator, headerValue), { maxLength: 3 }).map((parts) => parts.join('-')),
    },
  ),
  fc.constantFrom('%', '%REQ%', '%REQ()%', '%NOPE%', '%REQ(x-a', '100%', '%PROTOCOL(x)%', '%REQ(x-a):x%'),
)
