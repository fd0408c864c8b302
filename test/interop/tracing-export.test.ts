/** What is ours alone: export by HTTP, a span for each extension, and what becomes of spans when the proxy ends. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ProxyHandle } from '../../src/proxy/index.ts'
import {
  cluster,
  FILTERS,
  get,
  httpListener,
  portOf,
  type Running,
  testProxy,
  upstream,
} from '../../src/proxy/testing.ts'
import { type Collector, startCollector } from './otlp-collector.ts'

const TRACE = 'type.googleapis.com/envoy.config.trace.v3'
const TRACERS = 'type.googleapis.com/envoy.extensions.tracers.opentelemetry'

function lua(name: string, script: string): string {
  return `{ name: ${name}, typed_config: { "@type": ${FILTERS}.http.lua.v3.Lua, default_source_code: { inline_string: ${JSON.stringify(script)} } } }`
}

function tracing(more: string, exporter: string): string {
  return `tracing: { ${more} provider: { name: envoy.tracers.opentelemetry, typed_config: { "@type": ${TRACE}.OpenTelemetryConfig, ${exporter} } } }`
}

describe('OTLP by HTTP', () => {
  let collector: Collector
  let up: Running
  let proxy: ProxyHandle

  before(async () => {
    collector = await startCollector()
    up = await upstream()
    const http = `http_service: { http_uri: { uri: "http://collector.example:4318/v1/traces?x=y", cluster: otel, timeout: 1s }, request_headers_to_add: [{ header: { key: X-Api-Key, value: secret } }] }`
    const more = `sampler: { name: on, typed_config: { "@type": ${TRACERS}.samplers.v3.AlwaysOnSamplerConfig } }, resource_detectors: [{ name: static, typed_config: { "@type": ${TRACERS}.resource_detectors.v3.StaticConfigResourceDetectorConfig, attributes: { team: a } } }]`
    const filters = [
      lua(
        'first',
        'function envoy_on_request(h) h:httpCall("up", {[":method"] = "GET", [":path"] = "/side", [":authority"] = "side"}, "", 1000) end',
      ),
      lua(
        'second',
        'function envoy_on_request(h) if h:headers():get("x-deny") then h:respond({[":status"] = "403"}, "no") end end function envoy_on_response(h) end',
      ),
      `{ name: cors, typed_config: { "@type": ${FILTERS}.http.cors.v3.Cors } }`,
    ]
    const hcm = tracing('random_sampling: { value: 0 }, verbose: true,', `${http}, ${more}`)
    proxy = await testProxy(
      [httpListener({ filters, hcm })],
      [cluster(up.port), cluster(collector.httpPort, '', 'otel')],
    )
  })

  after(async () => {
    await proxy.close(100)
    await up.close()
    await collector.close()
  })

  test('spans, resource and headers arrive; each extension has a span, built-in filters have none', async () => {
    assert.equal((await get(portOf(proxy), '/')).status, 200)
    assert.equal((await get(portOf(proxy), '/', { headers: { 'x-deny': '1' } })).status, 403)
    const all = await collector.until(12)
    const [calls, spans] = [true, false].map((call) => all.filter((one) => (one.name === 'async up egress') === call))
    const names = spans.map((span) => span.name)
    const ofExtensions = ['first request', 'first response', 'second request', 'second response']
    assert.deepEqual(names, [...ofExtensions, 'ingress', ...ofExtensions, 'ingress'])
    const [first, , second, , whole, , , denied] = spans
    assert.deepEqual([first.kind, first.parentId, first.traceId], [1, whole.spanId, whole.traceId])
    assert.ok(first.end <= second.end && second.start >= first.end, 'the first lets go before the second begins')
    assert.equal(calls.length, 2)
    assert.ok(calls.some((call) => call.parentId === whole.spanId && call.attributes['http.status_code'] === '200'))
    assert.equal(denied.attributes['extension.answered'], '403')
    assert.equal(whole.resource['team'], 'a')
    assert.equal(whole.resource['service.name'], 'unknown_service:sluice')
    const headers = collector.httpHeaders()
    assert.equal(headers?.['x-api-key'], 'secret')
    assert.equal(headers?.host, 'collector.example:4318')
    assert.equal(headers?.['content-type'], 'application/x-protobuf')
  })
})

describe('what the proxy cannot do is refused', () => {
  for (const [what, hcm, where] of [
    [
      'another provider',
      `tracing: { provider: { name: x, typed_config: { "@type": ${TRACE}.DatadogConfig } } }`,
      /DatadogConfig/,
    ],
    [
      'both exporters',
      tracing('', 'grpc_service: { envoy_grpc: { cluster_name: up } }, http_service: {}'),
      /only one of/,
    ],
    [
      'a foreign gRPC client',
      tracing('', 'grpc_service: { google_grpc: { target_uri: x, stat_prefix: x } }'),
      /grpc_service/,
    ],
    ['a tag without a kind', `tracing: { custom_tags: [{ tag: a }] }`, /custom_tags\[0\]/],
  ] as const) {
    test(what, async () => {
      await assert.rejects(async () => testProxy([httpListener({ hcm })], [cluster(1)]), where)
    })
  }
})
