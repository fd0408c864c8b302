import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compileSchema, type SchemaNode } from '../index.ts'
import { parseDuration } from './duration.ts'
import { escapeName } from './escape.ts'
import { Meter } from './meter.ts'
import { compileRule } from './program.ts'
import { parseUrl } from './url.ts'

const evaluate = (rule: string) => compileRule(rule)({}, new Meter())

describe('functions of Kubernetes', () => {
  // The examples of k8s.io/apiserver/pkg/cel/library, function by function.
  const table: [rule: string, value: unknown][] = [
    ["isURL('https://a.com:80/path')", true],
    ["isURL('a.com')", false],
    ["url('https://a.com:80/').getScheme()", 'https'],
    ["url('/path').getScheme()", ''],
    ["url('https://a.com:80/').getHost()", 'a.com:80'],
    ["url('https://[::1]:80/').getHostname()", '::1'],
    ["url('https://a.com:80/').getPort()", '80'],
    ["url('https://a.com/with%20space/').getEscapedPath()", '/with%20space/'],
    ["url('https://a.com/?k1=a&k2=b&k2=c').getQuery()['k2'].size()", 2n],
    ["'abc 123'.find('[0-9]+')", '123'],
    ["'abc'.find('[0-9]+')", ''],
    ["'1 22 333'.findAll('[0-9]+').size()", 3n],
    ["'1 22 333'.findAll('[0-9]+', 2).size()", 2n],
    ['[1, 2, 3].isSorted()', true],
    ["['b', 'a'].isSorted()", false],
    ['[1, 3].sum()', 4n],
    ['[1.5, 3.0].sum()', 4.5],
    ['[].sum()', 0n],
    ['[3, 1].min()', 1n],
    ['[3, 1].max()', 3n],
    ["['a', 'b', 'b'].indexOf('b')", 1n],
    ["['a', 'b', 'b'].lastIndexOf('b')", 2n],
    ['sets.contains([1, 2], [2])', true],
    ['sets.equivalent([1, 2], [2, 1, 1])', true],
    ['sets.intersects([1], [2])', false],
    ["isIP('127.0.0.1') && isIP('::1') && !isIP('127.0.0.1.0') && !isIP('fe80::1%eth0')", true],
    ["ip('::1').family()", 6n],
    ["ip('127.0.0.1').isLoopback() && !ip('192.168.0.1').isLoopback()", true],
    [
      "ip('0.0.0.0').isUnspecified() && ip('fe80::1').isLinkLocalUnicast() && ip('224.0.0.1').isLinkLocalMulticast()",
      true,
    ],
    ["ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD')", true],
    ["isCIDR('192.168.0.0/24') && !isCIDR('192.168.0.0') && !isCIDR('192.168.0.0/33')", true],
    ["cidr('192.168.0.0/24').containsIP('192.168.0.1') && !cidr('192.168.0.0/24').containsIP(ip('10.0.0.1'))", true],
    ["cidr('192.168.0.0/24').prefixLength()", 24n],
    ["format.dns1123Label().validate('my-name').hasValue()", false],
    ["format.dns1123Label().validate('My_name').value().size()", 1n],
    ["format.dns1123Subdomain().validate('a.b-c').hasValue()", false],
    ["format.qualifiedName().validate('example.com/name').hasValue()", false],
    ["format.labelValue().validate('not a label').hasValue()", true],
    ["format.uuid().validate('x').hasValue()", true],
    ["optional.of('a').orValue('b') + optional.none().orValue('b')", 'ab'],
    ["duration('1h') > duration('59m')", true],
    ["'a,b'.split(',').size() == 2 && 'abc'.substring(1) == 'bc' && ['a'].join('-') == 'a'", true],
    ["'aaa'.matches('^a+$')", true],
  ]
  for (const [rule, value] of table) test(rule, () => assert.deepEqual(evaluate(rule), { value }))

  const failing: [rule: string, error: RegExp][] = [
    ["url('a.com').getHost()", /URL parse error/],
    ["ip('nothing')", /parse error/],
    ["cidr('10.0.0.1')", /parse error/],
    ['[].min()', /empty list/],
    ['optional.none().value()', /dereference/],
    ["{'a': 1}.getHost()", /no such overload/],
    ['1 / 0 == 1', /zero/],
    ['[1][3] == 1', /./],
  ]
  for (const [rule, error] of failing) {
    test(`${rule} fails`, () => {
      const outcome = evaluate(rule)
      assert.ok('error' in outcome)
      assert.match(outcome.error, error)
    })
  }
})

describe('what does not compile', () => {
  const table: [rule: string, message: RegExp][] = [
    ['self.a ==', /./],
    ['self.all(x, y)', /undeclared reference to 'y'/],
    ['authorizer.path("/").check("get")', /undeclared reference to '(check|path|authorizer)'/],
    ["quantity('1Gi').isGreaterThan(quantity('1Mi'))", /undeclared reference/],
    ['self.nothing()', /undeclared reference to 'nothing'/],
  ]
  for (const [rule, message] of table) test(rule, () => assert.throws(() => compileRule(rule), message))

  test('variables of loops are known inside of them only', () => {
    compileRule('self.all(x, self.exists(y, x == y)) && self.map(x, x).size() > 0 && self.filter(x, true).size() > 0')
    assert.throws(() => compileRule('self.all(x, true) && x'), /undeclared reference to 'x'/)
  })
})

// net/url's tests of ParseRequestURI, the ones that matter for a module's address.
describe('Go’s url.ParseRequestURI', () => {
  const table: [text: string, scheme: string | undefined, host?: string, path?: string][] = [
    ['http://foo.com', 'http', 'foo.com', ''],
    ['http://foo.com/', 'http', 'foo.com', '/'],
    ['/foo', '', '', '/foo'],
    ['//not.a.user@not.a.host/just/a/path', '', '', '//not.a.user@not.a.host/just/a/path'],
    ['http://192.168.0.1:8080/', 'http', '192.168.0.1:8080', '/'],
    ['http://[fe80::1]:8080/', 'http', '[fe80::1]:8080', '/'],
    ['mailto:x@example.com', 'mailto', '', ''],
    ['OCI://ghcr.io/a/b:1', 'oci', 'ghcr.io', '/a/b:1'],
    ['file:///opt/x.wasm', 'file', '', '/opt/x.wasm'],
    ['http://', 'http', '', ''],
    ['http://user:pa%20ss@h/', 'http', 'h', '/'],
    ['localhost:5000/x', 'localhost', '', ''],
    ['foo.html', undefined],
    ['../dir/', undefined],
    [' http://foo.com', undefined],
    ['http://a b.com/', undefined],
    ['http://192.168.0.1:8080x/', undefined],
    ['http://[fe80::1]x/', undefined],
    ['http://foo%', undefined],
    ['http://h/%zz', undefined],
    ['/\n', undefined],
    ['', undefined],
    ['*', undefined],
    ['127.0.0.1:5000/x', undefined],
  ]
  for (const [text, scheme, host, path] of table) {
    test(JSON.stringify(text), () => {
      const url = parseUrl(text)
      assert.equal(url?.scheme, scheme)
      if (url !== undefined) assert.deepEqual([url.host, url.path], [host, path])
    })
  }

  test('anything is parsed or refused, never thrown at', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.webUrl()), (text) => void parseUrl(text)))
  })
})

describe('durations', () => {
  const table: [text: string, seconds: bigint, nanos: number][] = [
    ['0', 0n, 0],
    ['1h30m', 5400n, 0],
    ['1.5s', 1n, 500_000_000],
    ['-1ms', 0n, -1_000_000],
    ['.5m', 30n, 0],
    ['1us', 0n, 1000],
    ['3µs2ns', 0n, 3002],
  ]
  for (const [text, seconds, nanos] of table)
    test(text, () => assert.deepEqual(parseDuration(text), { seconds, nanos }))
  for (const text of ['', '1', 's', '1d', '.s', '1..5s', '1s ', '--1s']) {
    test(`${JSON.stringify(text)} is none`, () => assert.throws(() => parseDuration(text), /invalid duration/))
  }
})

test('names that CEL cannot write are escaped', () => {
  const table: [name: string, escaped: string | undefined][] = [
    ['plain', 'plain'],
    ['namespace', '__namespace__'],
    ['x-y.z/w', 'x__dash__y__dot__z__slash__w'],
    ['a__b', 'a__underscores__b'],
    ['1a', undefined],
    ['a b', undefined],
  ]
  for (const [name, escaped] of table) assert.equal(escapeName(name), escaped, name)
})

const spec = (node: SchemaNode, ...rules: object[]) => ({
  type: 'object',
  properties: { f: { ...node, 'x-kubernetes-validations': rules } },
})
const messages = (schema: object, value: unknown, old?: unknown) =>
  compileSchema(schema)
    .validate({ f: value }, old === undefined ? undefined : { f: old })
    .map(({ field, message }) => `${field}: ${message}`)

describe('rules', () => {
  const object: SchemaNode = {
    type: 'object',
    properties: {
      i: { type: 'integer' },
      d: { type: 'number' },
      s: { type: 'string' },
      n: { type: 'string', nullable: true },
      'x-y': { type: 'integer' },
      namespace: { type: 'string' },
      p: { 'x-kubernetes-int-or-string': true },
      w: { type: 'string', format: 'duration' },
      t: { type: 'string', format: 'date-time' },
      b: { type: 'string', format: 'byte' },
      open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      m: { type: 'object', additionalProperties: { type: 'integer' } },
      l: { type: 'array', items: { type: 'integer' } },
    },
  }
  const table: [rule: string, value: unknown][] = [
    ['self.i == 1', { i: 1 }],
    ['self.i / 2 == 0', { i: 1 }],
    ['self.d / 2.0 == 0.5', { d: 1 }],
    ['!has(self.n)', { n: null }],
    ['!has(self.s)', {}],
    ['self.x__dash__y == 2 && self.__namespace__ == "a"', { 'x-y': 2, namespace: 'a' }],
    ['type(self.p) == int ? self.p == 1 : self.p == "1%"', { p: '1%' }],
    ['type(self.p) == int ? self.p == 1 : self.p == "1%"', { p: 1 }],
    ['self.w == duration("90s")', { w: '1m30s' }],
    ['self.t < timestamp("2025-01-01T00:00:00Z")', { t: '2024-01-01T00:00:00Z' }],
    ['self.b == b"ab"', { b: 'YWI=' }],
    ['size(self.open) == 0', { open: { hidden: 1 } }],
    ['"x.y" in self.m && self.m["x.y"] == 1 && self.m.all(k, self.m[k] > 0)', { m: { 'x.y': 1 } }],
    ['self.l.exists_one(x, x == 1) && self.l.map(x, x * 2).exists(x, x == 4) && self.l[0] == 1', { l: [1, 2] }],
  ]
  for (const [rule, value] of table) {
    test(rule, () => assert.deepEqual(messages(spec(object, { rule }), value), []))
  }

  test('the message, or the rule itself, or what the expression makes of it', () => {
    const string: SchemaNode = { type: 'string' }
    assert.deepEqual(messages(spec(string, { rule: "self == 'a'", message: ' must be a ' }), 'b'), [
      'f: Invalid value: "string": must be a',
    ])
    assert.deepEqual(messages(spec(string, { rule: "self == 'a'" }), 'b'), [
      `f: Invalid value: "string": failed rule: self == 'a'`,
    ])
    const messageExpression = "'not ' + self"
    assert.deepEqual(messages(spec(string, { rule: "self == 'a'", messageExpression, message: 'm' }), 'b'), [
      'f: Invalid value: "string": not b',
    ])
    // An expression that fails, or gives no text, falls back.
    for (const bad of ["'x'.substring(9)", "''", "'a\\nb'"]) {
      assert.deepEqual(messages(spec(string, { rule: "self == 'a'", messageExpression: bad, message: 'm' }), 'b'), [
        'f: Invalid value: "string": m',
      ])
    }
  })

  test('reason and field path', () => {
    const rule = { rule: 'has(self.s)', message: 'needed', fieldPath: '.s', reason: 'FieldValueRequired' }
    assert.deepEqual(messages(spec(object, rule), {}), ['f.s: Required value: needed'])
    const forbidden = { rule: '!has(self.s)', message: 'not here', reason: 'FieldValueForbidden' }
    assert.deepEqual(messages(spec(object, forbidden), { s: '' }), ['f: Forbidden: not here'])
  })

  test('a failing evaluation is said, and the other rules go on', () => {
    const rules = [
      { rule: "self.m['a'] == 1", message: 'first' },
      { rule: 'self.i == 2', message: 'second' },
    ]
    const said = messages(spec(object, ...rules), { m: {}, i: 1 })
    assert.equal(said.length, 2)
    assert.match(said[0], /evaluating rule: first$/)
    assert.equal(said[1], 'f: Invalid value: "object": second')
  })

  test('rules of the root see the metadata’s name', () => {
    const schema = compileSchema({
      type: 'object',
      'x-kubernetes-validations': [{ rule: "self.metadata.name == 'a' && self.kind == 'K'", message: 'no' }],
    })
    assert.deepEqual(schema.validate({ kind: 'K', metadata: { name: 'a', labels: {} } }), [])
    const [error] = schema.validate({ kind: 'K', metadata: { name: 'b' } })
    assert.deepEqual([error.field, error.message], ['<nil>', 'Invalid value: "object": no'])
  })

  test('loops within loops run out of budget instead of time', () => {
    const list: SchemaNode = { type: 'array', items: { type: 'integer' } }
    const rule = 'self.all(a, self.all(b, self.all(c, a + b + c >= 0)))'
    const value = Array.from({ length: 1000 }, (_, i) => i)
    assert.deepEqual(messages(spec(list, { rule, message: 'x' }, { rule: 'self == []' }), value), [
      'f: Invalid value: "array": validation failed due to running out of cost budget, no further validation rules will be run',
    ])
  })
})

describe('transition rules', () => {
  const string: SchemaNode = { type: 'string' }
  const immutable = { rule: 'self == oldSelf', message: 'immutable' }
  const item: SchemaNode = {
    type: 'object',
    properties: { k: string, v: { ...string, 'x-kubernetes-validations': [immutable] } as SchemaNode },
  }
  const keyed: SchemaNode = {
    type: 'array',
    items: item,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['k'],
  }
  const optional = { rule: "oldSelf.hasValue() || self == 'first'", message: 'begin with first', optionalOldSelf: true }
  const table: [name: string, schema: object, old: unknown, value: unknown, ...says: string[]][] = [
    ['on create there is nothing to compare', spec(string, immutable), undefined, 'a'],
    ['unchanged', spec(string, immutable), 'a', 'a'],
    ['changed', spec(string, immutable), 'a', 'b', 'f: Invalid value: "string": immutable'],
    [
      'items are found by their keys',
      spec(keyed),
      [
        { k: 'x', v: '1' },
        { k: 'y', v: '2' },
      ],
      [
        { k: 'y', v: '3' },
        { k: 'z', v: '4' },
      ],
      'f[0].v: Invalid value: "string": immutable',
    ],
    [
      'items of other lists are not found',
      spec({ type: 'array', items: item }),
      [{ k: 'x', v: '1' }],
      [{ k: 'x', v: '2' }],
    ],
    [
      'optionalOldSelf on create',
      spec(string, optional),
      undefined,
      'b',
      'f: Invalid value: "string": begin with first',
    ],
    ['optionalOldSelf on update', spec(string, optional), 'a', 'b'],
    ['other rules pass over what has not changed', spec(string, { rule: "self == 'a'", message: 'x' }), 'b', 'b'],
    [
      'the word in a text is no reference',
      spec(string, { rule: "self != 'oldSelf'", message: 'x' }),
      undefined,
      'oldSelf',
      'f: Invalid value: "string": x',
    ],
  ]
  for (const [name, schema, old, value, ...says] of table) {
    test(name, () => assert.deepEqual(messages(schema, value, old), says))
  }
})
