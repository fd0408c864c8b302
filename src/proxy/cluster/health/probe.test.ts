import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { status as grpcStatus, Server, ServerCredentials } from '@grpc/grpc-js'
import type { StatsSnapshot } from '../../stats/store.ts'
import { cluster, get, httpListener, portOf, testProxy, upstream } from '../../testing.ts'

/** A gRPC server with nothing but `grpc.health.v1.Health`; the answer is a HealthCheckResponse, or an error's code. */
async function healthServer(answer: Buffer | number): Promise<{ port: number; asked: Buffer[]; close(): void }> {
  const asked: Buffer[] = []
  const server = new Server()
  const same = (bytes: Buffer) => bytes
  const method = {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  } as const
  server.addService(
    { check: method },
    {
      check: (call: { request: Buffer }, reply: (error: { code: number } | null, answer?: Buffer) => void) => {
        asked.push(call.request)
        if (typeof answer === 'number') reply({ code: answer })
        else reply(null, answer)
      },
    },
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  )
  return { port, asked, close: () => server.forceShutdown() }
}

/** Whether a host passes its first check: until then, and where it does not, nothing is sent to it. */
async function isHealthy(port: number, check: string): Promise<boolean> {
  const extra = `health_checks: [{ timeout: 5s, interval: 60s, healthy_threshold: 1, unhealthy_threshold: 1, ${check} }]
common_lb_config: { healthy_panic_threshold: { value: 0 } }`
  const proxy = await testProxy([httpListener({})], [cluster(port, extra)])
  try {
    for (;;) {
      const [{ counters }] = await proxy.workers.query<StatsSnapshot>('stats')
      if ((counters['cluster.up.health_check.failure'] ?? 0) > 0) return false
      if ((counters['cluster.up.health_check.success'] ?? 0) > 0) return (await get(portOf(proxy), '/')).status !== 503
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  } finally {
    await proxy.close(100)
  }
}

describe('gRPC health checks (grpc/doc/health-checking.md)', () => {
  for (const [what, answer, healthy] of [
    ['SERVING', Buffer.from([8, 1]), true],
    ['NOT_SERVING', Buffer.from([8, 2]), false],
    ['no status', Buffer.alloc(0), false],
    ['an error', grpcStatus.NOT_FOUND, false],
  ] as const) {
    test(what, async () => {
      const server = await healthServer(answer)
      try {
        assert.equal(await isHealthy(server.port, 'grpc_health_check: { service_name: abc }'), healthy)
        assert.deepEqual(server.asked[0], Buffer.from('\n\x03abc'))
      } finally {
        server.close()
      }
    })
  }
})

test('an HTTP health check asks by its method, at the path', async () => {
  const up = await upstream((_, response) => response.end('x'))
  try {
    assert.equal(await isHealthy(up.port, 'http_health_check: { path: /health, method: HEAD }'), true)
    assert.equal(up.requests[0], 'HEAD /health')
  } finally {
    await up.close()
  }
})
