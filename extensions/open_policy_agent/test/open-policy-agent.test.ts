import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Abi, buildExtension } from '../../../sdk/assemblyscript/build.ts'
import { HeaderMap } from '../../../src/base/header-map.ts'
import { createTestHost, type TestStream } from '../../../src/wasm/index.ts'

const ENTRY = fileURLToPath(new URL('../assembly/index.ts', import.meta.url))
const ABIS: Abi[] = ['0.1.0', '0.2.0', '0.2.1']
const CLUSTER = 'opa_policy_server'

const CONFIG = { opa_service_host: 'localhost:8181', opa_cluster_name: CLUSTER, check_result_cache_valid_sec: 10 }

for (const abi of ABIS) {
  describe(`open_policy_agent for ABI ${abi}`, async () => {
    const bytes = await buildExtension(ENTRY, { abi, cacheDir: join(tmpdir(), 'sluice-extensions') })
    const module = createTestHost().compile(bytes)

    const start = (config: object = CONFIG) => {
      const host = createTestHost({ clusters: [CLUSTER] })
      const plugin = host.start(module, { name: 'opa', configuration: JSON.stringify(config) })
      const request = (method: string, path = '/echo'): TestStream => {
        const stream = host.stream(plugin)
        stream.attributes.set('request.method', method)
        stream.attributes.set('request.url_path', path)
        stream.attributes.set('connection.uri_san_peer_certificate', 'spiffe://cluster.local/ns/default/sa/client')
        stream.request([
          [':method', method],
          [':path', path],
        ])
        return stream
      }
      const answer = (body: string, status = '200', index = host.httpCalls.length - 1) =>
        host.httpCalls[index].answer({
          headers: HeaderMap.of([[':status', status]]),
          body: Buffer.from(body),
          trailers: undefined,
        })
      const counts = () =>
        ['hit', 'miss'].map((what) =>
          host.metrics.get(`wasm_filter.opa_filter.cache.${what}.policy_cache_count`)?.value(),
        )
      return { host, request, answer, counts }
    }
    const said = (stream: TestStream) => [
      stream.outcome('request'),
      stream.localReply?.status,
      stream.localReply?.details,
    ]

    test('asks what upstream asks', () => {
      const { host, request } = start()
      assert.deepEqual(said(request('GET', '/ec"ho')), ['stopped', undefined, undefined])
      const [{ call }] = host.httpCalls
      assert.equal(call.cluster, CLUSTER)
      assert.deepEqual(
        [':method', ':path', ':authority', 'content-type'].map((name) => call.headers.get(name)),
        ['POST', '/v1/data/test/allow', 'localhost:8181', 'application/json'],
      )
      assert.equal(
        Buffer.from(call.body ?? '').toString(),
        '{"input":{"destination_workload":"","request_method":"GET","request_url_path":"/ec\\"ho","source_principal":"spiffe://cluster.local/ns/default/sa/client"}}',
      )
    })

    const answers: [name: string, body: string, outcome: unknown[], cached: boolean, status?: string][] = [
      ['true', '{"result":true}', ['continue', undefined, undefined], true],
      ['"true"', '{"result":"true"}', ['continue', undefined, undefined], true],
      ['false', '{"result":false}', ['replied', 403, 'OPA_policy_check_denied'], true],
      ['"false"', '{"result":"false","decision_id":"x"}', ['replied', 403, 'OPA_policy_check_denied'], true],
      ['nothing', '', ['replied', 500, 'OPA_policy_check_failed'], false],
      ['no JSON', '<html>', ['replied', 500, 'OPA_policy_check_failed'], false],
      ['no object', '[true]', ['replied', 500, 'OPA_policy_check_failed'], false],
      ['no result', '{}', ['replied', 500, 'OPA_policy_check_failed'], false],
      ['an object', '{"result":{}}', ['replied', 500, 'OPA_policy_check_failed'], false],
      ['another string', '{"result":"yes"}', ['replied', 500, 'OPA_policy_check_failed'], false],
      ['a number', '{"result":1}', ['replied', 500, 'OPA_policy_check_failed'], false],
      ['an error that says true', '{"result":true}', ['replied', 500, 'OPA_policy_check_failed'], false, '503'],
    ]
    for (const [name, body, outcome, cached, status] of answers) {
      test(`the server says ${name}`, () => {
        const { host, request, answer, counts } = start()
        const stream = request('GET')
        answer(body, status)
        assert.deepEqual(said(stream), outcome)
        assert.equal(stream.localReply?.body.length ?? 0, 0)
        stream.finish()
        const second = request('GET')
        assert.equal(host.httpCalls.length, cached ? 1 : 2)
        if (cached) assert.deepEqual(said(second), outcome)
        assert.deepEqual(counts(), cached ? [1, 1] : [0, 2])
      })
    }

    test('no answer at all is a failure', () => {
      const { host, request } = start()
      const stream = request('GET')
      host.httpCalls[0].answer({ failure: 'reset' })
      assert.deepEqual(said(stream), ['replied', 500, 'OPA_policy_check_failed'])
    })

    test('a cluster that is not there is a failure', () => {
      const { request } = start({ ...CONFIG, opa_cluster_name: 'nowhere' })
      assert.deepEqual(said(request('GET')), ['replied', 500, 'OPA_policy_check_call_failed'])
    })

    // istio-ecosystem/wasm-extensions test/opa
    test('allow, deny: ten requests ask once', () => {
      for (const [body, status] of [
        ['{"result":true}', undefined],
        ['{"result":false}', 403],
      ] as const) {
        const { host, request, answer, counts } = start()
        for (let i = 0; i < 10; i++) {
          const stream = request('GET')
          if (host.httpCalls.length === 1 && i === 0) answer(body)
          assert.equal(stream.localReply?.status, status)
          stream.finish()
        }
        assert.deepEqual(counts(), [9, 1])
      }
    })

    test('cache_expire: four requests 4 s apart with 10 s ask twice', () => {
      const { host, request, answer, counts } = start()
      for (let i = 0; i < 4; i++) {
        const before = host.httpCalls.length
        const stream = request('POST')
        if (host.httpCalls.length > before) answer('{"result":false}')
        assert.equal(stream.localReply?.status, 403)
        stream.finish()
        host.advance(4000)
      }
      assert.deepEqual(counts(), [2, 2])
    })

    test('without a time each request asks', () => {
      const { host, request, answer, counts } = start({ ...CONFIG, check_result_cache_valid_sec: undefined })
      for (let i = 0; i < 3; i++) {
        request('GET')
        answer('{"result":true}')
      }
      assert.equal(host.httpCalls.length, 3)
      assert.deepEqual(counts(), [0, 3])
    })

    test('what differs in anything is asked on its own', () => {
      const { host, request, answer } = start()
      request('GET')
      answer('{"result":true}')
      request('POST')
      request('GET', '/other')
      assert.equal(host.httpCalls.length, 3)
    })

    test('an answer to a stream that has ended is dropped', () => {
      const { host, request, answer } = start()
      request('GET').finish()
      if (!host.httpCalls[0].cancelled) answer('{"result":true}')
      assert.equal(request('GET').failure, undefined)
    })

    const configurations: [object | unknown[], RegExp | undefined][] = [
      [CONFIG, undefined],
      [{ ...CONFIG, opa_service_host: '', opa_cluster_name: '' }, undefined],
      [{ ...CONFIG, check_result_cache_valid_sec: '7' }, undefined],
      [[], /it is no object/],
      [{ ...CONFIG, opa_service_host: undefined }, /opa_service_host must be provided/],
      [{ ...CONFIG, opa_cluster_name: undefined }, /opa_cluster_name must be provided/],
      [{ ...CONFIG, opa_service_host: 1 }, /cannot parse opa_service_host/],
      [{ ...CONFIG, opa_cluster_name: null }, /cannot parse opa_cluster_name/],
      [{ ...CONFIG, check_result_cache_valid_sec: 'x' }, /cannot parse check_result_cache_valid_sec/],
      [{ ...CONFIG, check_result_cache_valid_sec: -1 }, /cannot parse check_result_cache_valid_sec/],
      [{ ...CONFIG, check_result_cache_valid_sec: true }, /cannot parse check_result_cache_valid_sec/],
    ]
    for (const [config, message] of configurations) {
      test(`configuration ${JSON.stringify(config)}`, () => {
        const host = createTestHost()
        const configuration = JSON.stringify(config)
        if (message === undefined) host.start(module, { configuration })
        else {
          assert.throws(() => host.start(module, { configuration }), { name: 'SluiceError' })
          assert.match(host.logText[0], message)
        }
      })
    }
    test('no configuration at all is refused', () => {
      assert.throws(() => createTestHost().start(module, {}), { name: 'SluiceError' })
    })
  })
}
