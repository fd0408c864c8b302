import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createTestHost } from '../../../src/wasm/index.ts'
import { basic, moduleOf, Subject } from './support.ts'

const module = await moduleOf('0.2.1')
const rule = { request_methods: ['GET'], credentials: ['a:b'] }
const subject = (...rules: object[]) =>
  new Subject(module, JSON.stringify({ basic_auth_rules: rules.map((each) => ({ ...rule, ...each })) }))

/** Whether a request without credentials is refused. */
function guarded(of: Subject, path: string, authority = 'a.example', method = 'GET'): boolean {
  const headers = { ':method': method, ':path': path, ...(authority === '' ? {} : { ':authority': authority }) }
  return of.ask(headers)?.status === 401
}

describe('where a query, another spelling or another method would go round Istio’s extension', () => {
  const paths: [match: object, path: string, guarded: boolean][] = [
    [{ exact: '/api' }, '/api?x', true],
    [{ exact: '/api' }, '/api#x', true],
    [{ exact: '/api' }, '/api/', false],
    [{ exact: '/api?x=1' }, '/api?x=1', true],
    [{ exact: '/api?x=1' }, '/api', false],
    [{ suffix: '/api' }, '/v1/api?x=y', true],
    [{ suffix: '/api' }, '/v1/other?x=/api', false],
    [{ suffix: '.json?raw' }, '/a.json?raw', true],
    [{ prefix: '/api' }, '/api/x?y', true],
    [{ prefix: '/api' }, '/%61pi', true],
    [{ prefix: '/api' }, '/%61%70%69/x', true],
    [{ exact: '/api' }, '/%61pi?x', true],
    [{ prefix: '/api' }, '//api', true],
    [{ prefix: '/api' }, '/./api', true],
    [{ prefix: '/api' }, '/public/../api', true],
    [{ prefix: '/api' }, '/public/%2e%2e/api', true],
    [{ prefix: '/api' }, '/public/..%2fapi', true],
    [{ prefix: '/api' }, '\\api', true],
    [{ prefix: '/api' }, '/public\\..\\api', true],
    [{ exact: '/api/x' }, '/api//x', true],
    [{ exact: '/' }, '/a/..', true],
    [{ prefix: '/api' }, '/api/../public', true],
    [{ prefix: '/api' }, '/%zzapi', false],
    [{ prefix: '/api' }, '/public', false],
    [{ prefix: '/api' }, '/x?/api', false],
    [{ prefix: '' }, '/anything', true],
    [{ suffix: '' }, '/anything', true],
  ]
  for (const [match, path, expected] of paths) {
    test(`${JSON.stringify(match)} and ${path}`, () => assert.equal(guarded(subject(match), path), expected))
  }

  test('an exact path that is empty would guard nothing: it is refused', () => {
    assert.throws(() => subject({ exact: '' }), { name: 'SluiceError' })
  })

  const hosts: [pattern: string, authority: string, guarded: boolean][] = [
    ['a.example', 'A.Example', true],
    ['A.EXAMPLE', 'a.example', true],
    ['a.example', 'a.example.', true],
    ['a.example.', 'a.example', true],
    ['a.example', 'a.example.:8080', true],
    ['a.example', 'a.example:8080', true],
    ['a.example:8080', 'a.example:8080', true],
    ['a.example:8080', 'a.example:9090', false],
    ['a.example:8080', 'a.example', false],
    ['*.example', 'B.EXAMPLE:1', true],
    ['*.example:80', 'b.example:80', true],
    ['*.example:80', 'b.example:81', false],
    ['a.*', 'a.b.example', true],
    ['*', 'anything', true],
    ['*a*', 'xa*', true],
    ['*a*', 'xax', false],
    ['[::1]', '[::1]:8080', true],
    ['::1', '[::1]:8080', true],
    ['::1', '::1', true],
    ['[::1]:8080', '[::1]:8080', true],
    ['[::1]:8080', '[::1]:81', false],
    ['b.example', 'a.example', false],
    ['b.example', '', true],
  ]
  for (const [pattern, authority, expected] of hosts) {
    test(`host ${pattern} and :authority «${authority}»`, () => {
      const stream = subject({ prefix: '/', hosts: [pattern] })
      if (authority !== '') return assert.equal(guarded(stream, '/', authority), expected)
      // The test host fills in a host unless there is one, so an empty one stands for none.
      assert.equal(stream.ask({ ':method': 'GET', ':path': '/', ':authority': '' })?.status === 401, expected)
    })
  }

  test('GET covers HEAD, and nothing else', () => {
    const get = subject({ prefix: '/' })
    assert.equal(guarded(get, '/', 'a', 'HEAD'), true)
    assert.equal(guarded(get, '/', 'a', 'OPTIONS'), false)
    assert.equal(guarded(get, '/', 'a', 'get'), false)
    assert.equal(guarded(subject({ prefix: '/', request_methods: ['POST'] }), '/', 'a', 'HEAD'), false)
  })

  test('a rejected configuration leaves no credential in the log', () => {
    for (const json of [
      '{"basic_auth_rules":[{"credentials":["user:s3cret"]',
      '{"basic_auth_rules":[{"credentials":["s3cret"]}]}',
    ]) {
      const host = createTestHost()
      assert.throws(() => host.start(module, { configuration: json }))
      assert.doesNotMatch(host.logText.join('\n'), /s3cret/)
    }
    const host = createTestHost()
    const rules = [{ prefix: '/', request_methods: ['GET'], credentials: ['s3cret!'] }]
    assert.throws(() => host.start(module, { configuration: JSON.stringify({ basic_auth_rules: rules }) }))
    assert.doesNotMatch(host.logText.join('\n'), /s3cret/)
  })

  test('a realm cannot add a header, and is quoted where it has to be', () => {
    const realm = (text: string) =>
      new Subject(module, JSON.stringify({ realm: text, basic_auth_rules: [{ ...rule, prefix: '/' }] }))
    assert.throws(() => realm('a\r\nset-cookie: x=y'), { name: 'SluiceError' })
    const challengeOf = (text: string) => realm(text).ask({ ':method': 'GET', ':path': '/' })?.challenge
    assert.equal(challengeOf('staff'), 'Basic realm=staff')
    assert.equal(challengeOf(''), 'Basic realm=')
    assert.equal(challengeOf('Staff only'), 'Basic realm="Staff only"')
    assert.equal(challengeOf('a"b\\c'), 'Basic realm="a\\"b\\\\c"')
  })
})

describe('as Istio’s extension does it', () => {
  test('rules that both cover a request both have to accept it', () => {
    const both = subject({ prefix: '/', credentials: ['a:b', 'c:d'] }, { prefix: '/api', credentials: ['c:d'] })
    const ask = (path: string, credentials: string) =>
      both.ask({ ':method': 'GET', ':path': path, authorization: basic(credentials) })?.status
    assert.equal(ask('/', 'a:b'), undefined)
    assert.equal(ask('/api', 'a:b'), 401)
    assert.equal(ask('/api', 'c:d'), undefined)
  })

  const right = basic('ok:test')
  const schemes: [authorization: string, passes: boolean][] = [
    [right, true],
    [right.replace('Basic', 'basic'), false],
    [right.replace(' ', '  '), false],
    [`${right} `, false],
    [right.replace(/=*$/, ''), false],
    ['Basic', false],
    ['Basic ', false],
    [`Bearer ${right}`, false],
    [`${right}, ${basic('x:y')}`, false],
    ['', false],
  ]
  for (const [authorization, passes] of schemes) {
    test(`«${authorization}» ${passes ? 'passes' : 'does not'}`, () => {
      const answer = subject({ prefix: '/', credentials: ['ok:test'] }).ask({
        ':method': 'GET',
        ':path': '/',
        authorization,
      })
      assert.equal(answer?.status, passes ? undefined : 401)
    })
  }

  test('whatever the credentials: the right ones pass, others do not', () => {
    const part = fc.string({ unit: fc.constantFrom(...'abcAB01:é☃ =+/'), minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(part, part, part, (user, password, other) => {
        const credentials = `${user}:${password}`
        const one = subject({ prefix: '/', credentials: [credentials, 'fixed:one'] })
        const ask = (given: string) => one.ask({ ':method': 'GET', ':path': '/', authorization: basic(given) })?.status
        assert.equal(ask(credentials), undefined)
        assert.equal(ask(`${other}:${password}`), other === user ? undefined : 401)
        assert.equal(ask(`${credentials}x`), 401)
      }),
      { numRuns: 60 },
    )
  })
})

test('a guarded path stays guarded however it is spelt', () => {
  const piece = fc.constantFrom('/', '//', '/./', '/x/../', '/%2e/', '/y/%2E%2e/', '/z/..%2F', '\\', '%2f')
  const letters = (text: string) =>
    fc.tuple(...[...text].map((c) => fc.constantFrom(c, `%${c.charCodeAt(0).toString(16)}`))).map((all) => all.join(''))
  const api = subject({ prefix: '/api' })
  fc.assert(
    fc.property(
      piece,
      fc.array(piece, { maxLength: 3 }),
      letters('api'),
      fc.constantFrom('', '/', '?q', '/more'),
      (first, rest, name, end) => {
        assert.equal(guarded(api, `/${first}${rest.join('')}${name}${end}`), true)
      },
    ),
  )
})

test('its memory does not grow with requests, allowed or denied', () => {
  const one = subject({ prefix: '/', hosts: ['a.example'] })
  const run = (count: number) => {
    for (let i = 0; i < count; i++) {
      one.ask({ ':method': 'GET', ':path': `/%61?${i}`, ':authority': 'a.example', authorization: basic('a:b') })
      one.ask({ ':method': 'GET', ':path': `/x/${i}`, ':authority': 'a.example' })
    }
    return one.plugin.vm.memory.length
  }
  const early = run(500)
  assert.equal(run(10_000), early)
})
