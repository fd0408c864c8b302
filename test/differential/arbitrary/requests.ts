import fc from 'fast-check'
import type { Field, Request } from '../trial.ts'
import { headerName, headerValue, host, segment } from './words.ts'

const oddPart = fc.constantFrom(
  '',
  '.',
  '..',
  '...',
  '%2e',
  '%2E%2e',
  '%2f',
  '%2F',
  'a%2fb',
  'a%5Cb',
  '%5c',
  'a%20b',
  '%61',
  '%zz',
  '%',
  'a;b=c',
  'a:b',
  '@',
  '~',
  '%7E',
  '%C3%A9',
  'é',
  '\\',
  '*',
  '[a]',
  '"',
  '<a>',
  '{x}',
  '|',
  '^',
  '`',
)
const part = fc.oneof({ weight: 3, arbitrary: segment }, { weight: 1, arbitrary: oddPart })
const path = fc.array(part, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`)
const query = fc.constantFrom(
  '',
  '',
  '',
  '?',
  '?a',
  '?a=',
  '?a=a',
  '?a=b&a=a',
  '?b=1&a=ab',
  '?A=a',
  '?%61=a',
  '?a=a#f',
  '#f',
  '?a=/../b',
  '?a=%2f',
  '??a=a',
  '?a==b&&c',
)

const absolute = fc
  .tuple(
    fc.constantFrom('http', 'https', 'HTTP', 'ftp'),
    // Underscores, which resolvers take, are nothing for a URL to Envoy.
    host.filter((one) => !one.includes('_')),
    // Behind a host without a path; that a query stands there is taken for one here (RFC 3986 6.2.3), not by Envoy.
    fc.oneof(
      fc.tuple(path, query).map((parts) => parts.join('')),
      fc.constant(''),
    ),
  )
  .map(([scheme, authority, rest]) => `${scheme}://${authority}${rest}`)

const target = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(path, query).map(([at, rest]) => at + rest) },
  { weight: 1, arbitrary: absolute },
  { weight: 1, arbitrary: fc.constantFrom('*', 'a', '//a.example/b', '?a', '/a b'.replace(' ', '+')) },
)

const method = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('GET', 'POST') },
  { weight: 2, arbitrary: fc.constantFrom('HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS') },
  { weight: 1, arbitrary: fc.constantFrom('get', 'PURGE', 'FOO', 'TRACE') },
)

const address = fc.constantFrom(
  '10.0.0.1',
  '127.0.0.1',
  '127.0.0.1, 10.0.0.2',
  '10.0.0.1,10.0.0.2 , 10.0.0.3',
  '::1',
  'nobody',
  '10.0.0.1:80',
  '',
  ' ',
  'a,10.0.0.9',
)

const special = fc.oneof(
  address.map((value): Field => ['x-forwarded-for', value]),
  fc.constantFrom('http', 'https', 'HTTPS', 'ftp', '').map((value): Field => ['x-forwarded-proto', value]),
  fc.constantFrom('f.example', '').map((value): Field => ['x-forwarded-host', value]),
  fc.constantFrom('1234', '').map((value): Field => ['x-forwarded-port', value]),
  fc.constantFrom('own', '', '01234567-89ab-cdef-0123-456789abcdef').map((value): Field => ['x-request-id', value]),
  fc
    .constantFrom(
      'x-envoy-internal',
      'x-envoy-external-address',
      'x-envoy-original-path',
      'x-envoy-original-host',
      'x-envoy-decorator-operation',
      'x-envoy-attempt-count',
      'x-envoy-expected-rq-timeout-ms',
      'x-envoy-ip-tags',
      'x-client-trace-id',
    )
    .map((name): Field => [name, 'true']),
  fc.constantFrom('5xx', 'retriable-4xx', 'nonsense').map((value): Field => ['x-envoy-retry-on', value]),
  fc.constantFrom('0', '2', 'x').map((value): Field => ['x-envoy-max-retries', value]),
  fc.constantFrom('app/1', '').map((value): Field => ['user-agent', value]),
  fc.constantFrom('x', '1.0 a').map((value): Field => ['via', value]),
  fc
    .constantFrom('close', 'keep-alive', 'x-a', 'keep-alive, x-b', 'Close')
    .map((value): Field => ['connection', value]),
  fc.constantFrom('trailers', 'gzip', 'trailers, deflate').map((value): Field => ['te', value]),
  fc.constantFrom('k=a', 'stick=1; k=b', 'k="q"').map((value): Field => ['cookie', value]),
  fc
    .constantFrom('application/grpc', 'application/grpc+x', 'text/plain')
    .map((value): Field => ['content-type', value]),
  fc.constantFrom('up', 'other', 'missing').map((value): Field => ['x-cluster', value]),
  fc.constantFrom('100-continue', 'x').map((value): Field => ['expect', value]),
  fc
    .constantFrom('http://a.example/x?y#z', 'ftp://a', '/x', 'about:blank', 'http://', 'a.example/x')
    .map((value): Field => ['referer', value]),
  fc.constant<Field>(['x_under', 'a']),
  fc.constant<Field>(['proxy-connection', 'keep-alive']),
  fc.constant<Field>(['keep-alive', 'timeout=5']),
)

/** What the upstream is asked to answer. */
const wish = fc.oneof(
  fc
    .constantFrom('503 200', '503 503 200', '404', '409 200', '500', '302', '204', '304', '429 200', '301', '307')
    .map((value): Field => ['x-answer', value]),
  fc
    .constantFrom(
      'http://b.example/b',
      'https://a.example/a?x=1',
      '/a',
      'http://a.example/',
      'http://',
      '//b.example/b',
    )
    .map((value): Field => ['x-location', value]),
)

const field = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(headerName, headerValue).map(([name, value]): Field => [name, value]) },
  { weight: 3, arbitrary: special },
  { weight: 2, arbitrary: wish },
  {
    weight: 1,
    arbitrary: fc
      .tuple(headerName, fc.constantFrom(' a', 'a ', '\ta\t', 'a  b'))
      .map(([name, value]): Field => [name, value]),
  },
)

/** Not: two hosts, an empty one, white space or userinfo in one, which are answered with 400 (RFC 9112 3.2, RFC 9110 4.2) and by Envoy are not. */
const hosts = fc.oneof(
  { weight: 20, arbitrary: host.map((name): Field[] => [['host', name]]) },
  { weight: 1, arbitrary: fc.constant<Field[]>([]) },
)

export const request: fc.Arbitrary<Request> = fc
  .record(
    {
      version: fc.oneof(
        { weight: 8, arbitrary: fc.constant('1.1' as const) },
        { weight: 1, arbitrary: fc.constantFrom('1.0' as const, '2' as const) },
      ),
      method,
      target,
      host: hosts,
      fields: fc.array(field, { maxLength: 5 }),
      body: fc.constantFrom('', 'body'),
    },
    { requiredKeys: ['version', 'method', 'target', 'host', 'fields'] },
  )
  // Two types are no type, of which Envoy looks at both.
  .filter(({ fields }) => fields.filter(([name]) => name === 'content-type').length < 2)
  .map(({ host: first, fields: more, target: wanted, body, ...rest }) => ({
    ...rest,
    // Whether an empty body over HTTP/2 is one depends on the frame that ends it.
    ...(body === undefined || (body === '' && rest.version === '2') ? {} : { body }),
    // RFC 9113 8.3.1 knows no other form; both refuse it in ways of their own.
    target: rest.version === '2' && !wanted.startsWith('/') ? '/' : wanted,
    // Envoy looks at what an HTTP/1.0 request is before it knows that it is one of gRPC.
    headers: [...first, ...more]
      .map(legalIn(rest.version))
      .filter(([, value]) => rest.version !== '1.0' || !value.includes('grpc')),
  }))

/** RFC 9113 8.2.1: white space around a value makes a message malformed there; Envoy hands it on. */
function legalIn(version: Request['version']) {
  return ([name, value]: Field): Field => [name, version === '2' ? value.trim() : value]
}
