import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { HeaderMap } from '../../../src/base/header-map.ts'
import { createTestHost } from '../../../src/wasm/index.ts'
import { ABIS, fixture } from './build-all.ts'

for (const abi of ABIS) {
  describe(`an extension built for ABI ${abi}`, async () => {
    const module = createTestHost().compile(await fixture('all-functions', abi))

    const started = (configuration = 'go', more = {}) => {
      const host = createTestHost()
      const plugin = host.start(module, { configuration, vmConfiguration: 'machine', ...more })
      return { host, plugin, stream: host.stream(plugin) }
    }
    const messages = (host: ReturnType<typeof createTestHost>) =>
      host.logs.filter((each) => each.level !== 'debug').map((each) => each.message)

    test('is told its configurations', () => {
      assert.deepEqual(messages(started().host), ['vm machine', 'plugin go'])
    })

    test('may refuse a configuration', () => {
      assert.throws(() => started('refuse'), { name: 'SluiceError' })
    })

    test('says where an assertion failed', () => {
      const host = createTestHost()
      assert.throws(() => host.start(module, { configuration: 'trap' }), { name: 'SluiceError' })
      assert.match(host.logText.join('\n'), /^critical: abort: told to trap at index\.ts:\d+:\d+$/m)
    })

    test('has several root contexts', () => {
      assert.deepEqual(messages(started('x', { rootId: 'other' }).host), ['the other one'])
      assert.deepEqual(messages(started('x', { rootId: 'unknown' }).host), ['vm machine', 'plugin x'])
    })

    test('reads and writes headers', () => {
      const { host, stream } = started()
      stream.request([
        [':path', '/headers'],
        ['x-many', 'first'],
        ['x-set', 'old'],
        ['x-remove', 'gone'],
        ['x-empty', ''],
      ])
      const end = abi === '0.1.0' ? 'false' : 'true'
      assert.deepEqual(messages(host).slice(2), [
        `8 ${end}`,
        ':authority=test.example',
        ':method=GET',
        ':scheme=http',
        ':path=/headers',
        'x-many=first',
        'x-set=old',
        'x-remove=gone',
        'x-empty=',
        'has true false',
      ])
      const headers = stream.requestHeaders!
      assert.equal(Buffer.from(headers.get('x-set') ?? '', 'latin1').toString('utf8'), 'naïve ☃')
      assert.equal(headers.has('x-remove'), false)
      assert.deepEqual(
        headers.flat.filter((_, i) => headers.flat[i - 1] === 'x-many'),
        ['first', 'second'],
      )
    })

    test('reads and writes bodies and trailers', () => {
      const { host, stream } = started()
      stream.request([], false)
      assert.equal(stream.requestData('abc', false), 'stopped')
      assert.equal(stream.requestData('def', true), 'continue')
      assert.equal(stream.sentRequest.linearize().toString(), '<ABCDEF>')
      assert.deepEqual(messages(host).slice(2), ['true bc'])
      assert.deepEqual(host.metrics.get('sizes')?.recorded, [3, 6])
      stream.response([['x-gone', '1']], false)
      stream.responseData('body', false)
      stream.responseEnd([['x-t', 'old']])
      assert.deepEqual(stream.responseHeaders?.flat, [':status', '200', 'x-all', '2'])
      assert.equal(stream.sentResponse.linearize().toString(), 'body!')
      assert.equal(stream.responseTrailers?.get('x-t'), 'set')
    })

    test('is told of request trailers', () => {
      const { stream } = started()
      stream.request([], false)
      stream.requestEnd([['a', 'b']])
      assert.equal(stream.requestTrailers?.get('x-count'), '1')
    })

    test('reads and writes properties', () => {
      const { host, stream } = started()
      stream.attributes.set('request.size', 7)
      stream.attributes.set('connection.mtls', true)
      stream.request([[':path', '/properties']])
      const lines = messages(host).slice(2)
      assert.deepEqual(lines, ['stored 7 true', 'true true'])
    })

    test('shares data and queues', async () => {
      const { host, stream } = started()
      stream.request([[':path', '/shared']])
      assert.deepEqual(messages(host).slice(2, 5), ['0 0 true two', 'true', 'true'])
      await setImmediate()
      assert.ok(messages(host).includes('queue true hello'))
    })

    test('answers in the place of the upstream', () => {
      const { stream } = started()
      assert.equal(stream.request([[':path', '/reply']]), 'replied')
      const { status, body, details, headers } = stream.localReply!
      assert.deepEqual([status, Buffer.from(body).toString(), details], [418, 'teapot', 'short_and_stout'])
      assert.deepEqual([...headers], ['x-tea', 'oolong'])
    })

    test('calls out and goes on with the answer', () => {
      const { host, stream } = started()
      assert.equal(stream.request([[':path', '/call']]), 'stopped')
      const [{ call, answer }] = host.httpCalls
      assert.equal(Buffer.from(call.body ?? '').toString(), 'question')
      assert.equal(call.headers.get(':path'), '/check')
      const headers = HeaderMap.of([[':status', '200']])
      answer({ headers, body: Buffer.from('fine'), trailers: undefined })
      assert.equal(stream.outcome('request'), 'continue')
      assert.equal(stream.requestHeaders?.get('x-answered'), 'yes')
      assert.ok(messages(host).includes('200 fine 4 0'))
    })

    test('an answer that comes after the end of the stream is dropped', () => {
      const { host, stream, plugin } = started()
      stream.request([[':path', '/call']])
      stream.finish()
      host.httpCalls[0]?.answer({
        headers: HeaderMap.of([[':status', '200']]),
        body: Buffer.from(''),
        trailers: undefined,
      })
      assert.equal(plugin.failure, undefined)
    })

    test('a call that cannot be sent is told at once', () => {
      const { host, stream } = started()
      assert.equal(stream.request([[':path', '/bad-call']]), 'continue')
      assert.ok(host.logText.includes('error: no call'))
    })

    test('counts', () => {
      const { host, plugin } = started()
      for (let i = 0; i < 3; i++) {
        const stream = host.stream(plugin)
        stream.request()
        assert.equal(host.metrics.get('in_flight')?.value(), 1)
        stream.finish()
      }
      assert.equal(host.metrics.get('requests')?.value(), 3)
      assert.equal(host.metrics.get('in_flight')?.value(), 0)
      assert.ok(host.logText.includes('debug: log 3'))
    })

    test('ticks', () => {
      const { host } = started()
      host.advance(2500)
      assert.equal(messages(host).filter((each) => /^tick \d+$/.test(each)).length, 2)
    })

    test('an index out of bounds traps, with its place in the log', () => {
      const { host, stream } = started()
      stream.request([[':path', '/out-of-bounds']])
      assert.notEqual(stream.failure, undefined)
      assert.match(host.logText.join('\n'), /critical: abort: Index out of range/)
    })

    test('a foreign function that is not there is null', () => {
      const { host, stream } = started()
      stream.request([[':path', '/foreign']])
      assert.ok(messages(host).includes('true'))
    })

    test('its memory does not grow with the number of requests', () => {
      const { host, plugin } = started()
      const run = (count: number) => {
        for (let i = 0; i < count; i++) {
          const stream = host.stream(plugin)
          stream.request([[':path', '/garbage']])
          assert.equal(stream.requestHeaders?.get('x-length'), '490')
          stream.finish()
        }
        return plugin.vm.memory.length
      }
      const early = run(500)
      assert.equal(run(5000), early)
    })
  })
}
