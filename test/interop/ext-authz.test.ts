/** What Envoy and Sluice ask an authorization server, by gRPC and by HTTP. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttp1 } from 'node:http'
import { createServer as createHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf'
import { CheckRequestSchema, CheckResponseSchema } from '../../gen/envoy/service/auth/v3/external_auth_pb.ts'
import { grpcFrame, grpcMessage } from '../../src/proxy/grpc-frame.ts'
import { bootstrap, cluster, HTTP2_UPSTREAM, listener } from '../conformance/bootstrap.ts'
import { limitedFetch } from '../limited-fetch.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'

const peer = await envoy()
const TYPE = 'type.googleapis.com/envoy.extensions.filters.http'
const GRPC = { grpc_service: { envoy_grpc: { cluster_name: 'grpc' }, timeout: '2s' }, transport_api_version: 'V3' }
const HTTP = { server_uri: { uri: 'http://authz', cluster: 'http', timeout: '2s' }, path_prefix: '/check' }
const names = (...all: string[]) => ({ patterns: all.map((exact) => ({ exact })) })

const CONFIGS: Readonly<Record<string, object>> = {
  plain: GRPC,
  'allowed headers': { ...GRPC, allowed_headers: names('x-a', 'x-b', ':path') },
  'disallowed headers': { ...GRPC, disallowed_headers: names('x-b', 'authorization') },
  'allowed and disallowed headers': {
    ...GRPC,
    allowed_headers: names('x-a', 'x-b'),
    disallowed_headers: names('x-b'),
  },
  'raw headers': { ...GRPC, encode_raw_headers: true },
  'metadata of request and route': {
    ...GRPC,
    metadata_context_namespaces: ['of.request', 'absent'],
    route_metadata_context_namespaces: ['of.route', 'constructor'],
  },
  'peer certificate and TLS session of a plain connection': {
    ...GRPC,
    include_peer_certificate: true,
    include_tls_session: true,
  },
  body: { ...GRPC, with_request_body: { max_request_bytes: 3, allow_partial_message: true } },
  'HTTP, with headers': { http_service: { ...HTTP, authorization_request: { allowed_headers: names('x-a', 'x-b') } } },
  'HTTP, disallowed headers': {
    http_service: HTTP,
    allowed_headers: names('x-a', 'x-b'),
    disallowed_headers: names('x-b', 'authorization'),
  },
  'HTTP, metadata from headers': {
    http_service: { ...HTTP, authorization_response: { dynamic_metadata_from_headers: names('x-told') } },
  },
  'off, and denied': {
    ...GRPC,
    filter_enabled: { runtime_key: 'a', default_value: { numerator: 0 } },
    deny_at_disable: { runtime_key: 'b', default_value: true },
    status_on_error: { code: 503 },
  },
}

const METADATA_IN = {
  name: 'lua.in',
  typed_config: {
    '@type': `${TYPE}.lua.v3.Lua`,
    default_source_code: {
      inline_string:
        'function envoy_on_request(h) h:streamInfo():dynamicMetadata():set("of.request", "k", { a = 1, b = "é" }) end',
    },
  },
}
/** Tells the client what the filter has left behind. */
const METADATA_OUT = {
  name: 'lua.out',
  typed_config: {
    '@type': `${TYPE}.lua.v3.Lua`,
    default_source_code: {
      inline_string:
        'function envoy_on_response(h) local m = h:streamInfo():dynamicMetadata():get("envoy.filters.http.ext_authz") if m then h:headers():add("x-metadata", tostring(m["x-told"])) end end',
    },
  },
}
const ROUTER = { name: 'router', typed_config: { '@type': `${TYPE}.router.v3.Router` } }

async function startServers(asked: string[]) {
  const grpc = createHttp2()
  grpc.on('stream', async (stream) => {
    const parts: Buffer[] = []
    for await (const part of stream) parts.push(part as Buffer)
    const request = fromBinary(CheckRequestSchema, grpcMessage(Buffer.concat(parts)) as Buffer)
    asked.push(JSON.stringify(sorted(toJson(CheckRequestSchema, request))))
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(grpcFrame(toBinary(CheckResponseSchema, create(CheckResponseSchema, { status: { code: 0 } }))))
  })
  const http = createHttp1((request, response) => {
    const {
      'x-request-id': _,
      'x-envoy-internal': _1,
      'x-envoy-expected-rq-timeout-ms': _2,
      ...headers
    } = request.headers
    asked.push(JSON.stringify([request.method, request.url, sorted(headers)]))
    response.setHeader('x-told', 'é').end('ok')
  })
  for (const server of [grpc, http]) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  return {
    ports: [grpc, http].map((server) => (server.address() as AddressInfo).port),
    close() {
      grpc.close()
      http.closeAllConnections()
      http.close()
    },
  }
}

/** With keys in order, and without what differs from run to run. */
function sorted(value: unknown, key = ''): unknown {
  if (Array.isArray(value))
    return value
      .map((one) => sorted(one))
      .sort((a, b) => (String(JSON.stringify(a)) < String(JSON.stringify(b)) ? -1 : 1))
  if (value === null || typeof value !== 'object')
    return ['time', 'id', 'portValue', 'x-request-id', ':authority', 'host'].includes(key) ? '…' : value
  const { rawValue, key: name } = value as Record<string, unknown>
  if (rawValue !== undefined && ['x-request-id', ':authority'].includes(String(name))) return [name]
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((one) => [one, sorted((value as Record<string, unknown>)[one], one)]),
  )
}

async function observe(which: 'envoy' | 'sluice'): Promise<Map<string, string[]>> {
  const asked: string[] = []
  const servers = await startServers(asked)
  const [grpc, http] = servers.ports
  const dir = mkdtempSync(join(tmpdir(), 'sluice-ext-authz-'))
  const routes = [
    {
      match: { prefix: '/' },
      direct_response: { status: 200, body: { inline_string: 'passed' } },
      metadata: { filter_metadata: { 'of.route': { r: [true] } } },
    },
  ]
  const listeners = Object.entries(CONFIGS).map(([name, config]) =>
    listener(name, routes, {
      http_filters: [
        METADATA_IN,
        METADATA_OUT,
        { name: 'authz', typed_config: { '@type': `${TYPE}.ext_authz.v3.ExtAuthz`, ...config } },
        ROUTER,
      ],
    }),
  )
  const config = bootstrap(listeners, [cluster('grpc', grpc, HTTP2_UPSTREAM), cluster('http', http)])
  let running: RunningProxy | undefined
  try {
    const proxy = which === 'envoy' ? await startEnvoy(peer.path, config, dir) : await startSluice(config)
    running = proxy
    const seen = new Map<string, string[]>()
    for (const name of Object.keys(CONFIGS)) {
      asked.length = 0
      const headers = { 'x-a': '1', 'x-b': '2', authorization: 'x', 'user-agent': 'test' }
      const response = await limitedFetch(`http://127.0.0.1:${proxy.ports.get(name)}/p?q`, {
        method: 'POST',
        headers,
        body: 'hello',
      })
      const answer = `${response.status} ${await response.text()} ${response.headers.get('x-metadata')}`
      seen.set(name, [answer, ...asked])
    }
    return seen
  } finally {
    await running?.stop()
    servers.close()
    rmSync(dir, { recursive: true })
  }
}

describe('authorization servers are asked as by Envoy', { skip: peer.skip }, async () => {
  const [theirs, ours] =
    peer.skip === false ? [await observe('envoy'), await observe('sluice')] : [new Map(), new Map()]
  for (const name of Object.keys(CONFIGS))
    test(name, () => {
      assert.ok((theirs.get(name)?.length ?? 0) > 0)
      assert.deepEqual(ours.get(name), theirs.get(name))
    })
})
