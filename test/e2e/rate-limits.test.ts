import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { parseAllDocuments } from 'yaml'
import {
  RateLimitResponse_Code as Code,
  RateLimitRequestSchema,
  RateLimitResponseSchema,
} from '../../gen/envoy/service/ratelimit/v3/rls_pb.ts'
import { KubeClient, type KubeObject, loadKubeConfig } from '../../src/kube/index.ts'
import { grpcService } from '../../src/proxy/filters/testing.ts'
import type { Running } from '../../src/proxy/testing.ts'
import { ENVOY_FILTERS, SERVICE_ENTRIES } from '../../src/resources/types.ts'
import { eventually, Instance } from './instance.ts'

let instance: Instance
let client: KubeClient
let service: Running
/** What the service was asked: domain and entries. */
const asked: string[] = []
const paths = new Map<string, number>()

before(async () => {
  // As the reference service with Istio's sample: one request of /productpage, and any number of others.
  service = await grpcService((_headers, message) => {
    const { domain, descriptors } = fromBinary(RateLimitRequestSchema, message)
    const entries = descriptors.flatMap((one) => one.entries.map(({ key, value }) => `${key}=${value}`)).join()
    asked.push(`${domain} ${entries}`)
    const count = (paths.get(entries) ?? 0) + 1
    paths.set(entries, count)
    const overallCode = entries === 'PATH=/productpage' && count > 1 ? Code.OVER_LIMIT : Code.OK
    return toBinary(RateLimitResponseSchema, create(RateLimitResponseSchema, { overallCode }))
  })
  instance = await Instance.start()
  client = new KubeClient(loadKubeConfig(join(instance.home, 'kubeconfig')))
})

after(async () => {
  client?.close()
  await instance?.[Symbol.asyncDispose]()
  await service?.close()
})

async function apply(yaml: string): Promise<AsyncDisposable> {
  const objects = parseAllDocuments(yaml).map((document) => document.toJS() as KubeObject)
  const typeOf = ({ kind }: KubeObject) => (kind === 'EnvoyFilter' ? ENVOY_FILTERS : SERVICE_ENTRIES)
  for (const object of objects) await client.create(typeOf(object), object)
  return {
    async [Symbol.asyncDispose]() {
      for (const object of objects) {
        const { name, namespace = '' } = object.metadata
        await client.delete(typeOf(object), { name, namespace })
      }
    },
  }
}

const become = (path: string, status: number) =>
  eventually(`${status} for ${path}`, async () => ((await instance.status(path)) === status ? true : undefined))

/** An EnvoyFilter of the gateway. */
const gatewayFilter = (name: string, patches: string) => `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: ${name}, namespace: istio-system }
spec:
  workloadSelector: { labels: { istio: ingressgateway } }
  configPatches:${patches}`

/** Inserts an HTTP filter in front of the router, or of all of them. */
const insertFilter = (value: string, before = ', subFilter: { name: envoy.filters.http.router }') => `
    - applyTo: HTTP_FILTER
      match:
        context: GATEWAY
        listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager${before} } } }
      patch:
        operation: INSERT_BEFORE
        value:${value}`

/** How Istio's task "Enabling Rate Limits using Envoy" asks a service; `cluster` and where the filter stands are its own. */
const filter = (cluster: string) =>
  gatewayFilter(
    'filter-ratelimit',
    insertFilter(`
          name: envoy.filters.http.ratelimit
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit
            domain: ratelimit
            failure_mode_deny: true
            timeout: 10s
            rate_limit_service:
              grpc_service:
                envoy_grpc:
                  cluster_name: ${cluster}
                  authority: ratelimit.default.svc.cluster.local
              transport_api_version: V3`),
  )
const actions = `
---${gatewayFilter(
  'filter-ratelimit-svc',
  `
    - applyTo: VIRTUAL_HOST
      match:
        context: GATEWAY
        routeConfiguration:
          vhost:
            name: ""
            route:
              action: ANY
      patch:
        operation: MERGE
        value:
          rate_limits:
            - actions:
                - request_headers:
                    header_name: ":path"
                    descriptor_key: "PATH"
`,
)}`

test("a rate limit service that is a service of the mesh, as Istio's task has it", async () => {
  const entry = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ratelimit, namespace: default }
spec:
  hosts: [ratelimit.default.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: 8081, name: grpc, protocol: GRPC }]
  endpoints: [{ address: 127.0.0.1, ports: { grpc: ${service.port} } }]`
  await using _applied = await apply(filter('outbound|8081||ratelimit.default.svc.cluster.local') + actions + entry)
  await become('/productpage', 429)
  await become('/api/v1/products', 200)
  assert.ok(asked.includes('ratelimit PATH=/productpage') && asked.includes('ratelimit PATH=/api/v1/products'))
})

test('a rate limit service whose cluster an EnvoyFilter adds, with the actions on routes', async () => {
  const cluster = `
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: ratelimit-cluster, namespace: istio-system }
spec:
  configPatches:
    - applyTo: CLUSTER
      match: { context: GATEWAY }
      patch:
        operation: ADD
        value:
          name: rate_limit_cluster
          type: STRICT_DNS
          connect_timeout: 10s
          lb_policy: ROUND_ROBIN
          http2_protocol_options: {}
          load_assignment:
            cluster_name: rate_limit_cluster
            endpoints:
              - lb_endpoints:
                  - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${service.port} } } }
    - applyTo: HTTP_ROUTE
      match: { context: GATEWAY }
      patch:
        operation: MERGE
        value:
          route: { rate_limits: [{ actions: [{ generic_key: { descriptor_value: here } }, { destination_cluster: {} }] }] }
`
  await become('/productpage', 200)
  await using _applied = await apply(filter('rate_limit_cluster') + cluster)
  const expected = 'ratelimit generic_key=here,destination_cluster=outbound|9080||productpage.default.svc.cluster.local'
  await eventually('the question', async () => {
    assert.equal(await instance.status('/productpage'), 200)
    return asked.includes(expected) ? true : undefined
  })
})

test("local rate limits, as Istio's task has them", async () => {
  const insert = insertFilter(
    `
          name: envoy.filters.http.local_ratelimit
          typed_config:
            "@type": type.googleapis.com/udpa.type.v1.TypedStruct
            type_url: type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
            value:
              stat_prefix: http_local_rate_limiter`,
    '',
  )
  const limits = `
    - applyTo: HTTP_ROUTE
      match:
        context: GATEWAY
        routeConfiguration:
          vhost:
            name: ""
            route: { action: ANY }
      patch:
        operation: MERGE
        value:
          typed_per_filter_config:
            envoy.filters.http.local_ratelimit:
              "@type": type.googleapis.com/udpa.type.v1.TypedStruct
              type_url: type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
              value:
                stat_prefix: http_local_rate_limiter
                token_bucket: { max_tokens: 4, tokens_per_fill: 4, fill_interval: 600s }
                filter_enabled: { runtime_key: local_rate_limit_enabled, default_value: { numerator: 100, denominator: HUNDRED } }
                filter_enforced: { runtime_key: local_rate_limit_enforced, default_value: { numerator: 100, denominator: HUNDRED } }
                response_headers_to_add:
                  - { append: false, header: { key: x-local-rate-limit, value: "true" } }
                descriptors:
                  - entries: [{ key: client, value: busy }]
                    token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: 600s }
          route:
            rate_limits:
              - actions: [{ request_headers: { header_name: x-client, descriptor_key: client } }]
`
  await using _applied = await apply(gatewayFilter('filter-local-ratelimit-svc', insert + limits))
  const busy = { 'x-client': 'busy' }
  await eventually('the limit', async () => ((await instance.status('/productpage', busy)) === 429 ? true : undefined))
  let allowed = 0
  for (let i = 0; i < 6; i++) if ((await instance.status('/productpage')) === 200) allowed++
  // Of the four tokens of the route one went to the busy client.
  assert.equal(allowed, 3)
})
