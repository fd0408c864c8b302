/** Hedged requests with what limits and copies requests, beside Envoy: the same answers in the same order, the same counters. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fetchText } from '../limited-fetch.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { within } from '../within.ts'

const peer = await envoy()
const TYPE = 'type.googleapis.com/envoy.extensions'
const PER_TRY_MS = 100
const PATIENT_TRY_MS = 1500

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

interface Try {
  readonly path: string
  readonly body: string
  readonly response: ServerResponse
}

/** What a scenario works with, on either proxy. */
interface Stage {
  /** The requests that have come whole to the upstream, and to the cluster that is mirrored to. */
  readonly tries: Try[]
  readonly mirrored: Try[]
  ask(path: string, body?: string): Promise<string>
  stat(name: string): Promise<number>
  until(condition: () => boolean | Promise<boolean>, what: string): Promise<void>
}

async function collect(tries: Try[]) {
  const server = createServer(async (incoming, response) => {
    let body = ''
    for await (const chunk of incoming.setEncoding('latin1')) body += chunk
    tries.push({ path: incoming.url ?? '', body, response })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function bootstrap(route: unknown, cluster: unknown, upPort: number, mirrorPort: number): unknown {
  const hedged = (perTryMs: number) => ({
    cluster: 'up',
    timeout: '20s',
    hedge_policy: { hedge_on_per_try_timeout: true },
    retry_policy: {
      retry_on: '5xx',
      num_retries: 1,
      per_try_timeout: `${perTryMs / 1000}s`,
      retry_back_off: { base_interval: '0.001s' },
    },
    ...(route as { route?: object }).route,
  })
  const routes = [
    { match: { prefix: '/patient' }, route: hedged(PATIENT_TRY_MS) },
    { match: { prefix: '/' }, ...(route as object), route: hedged(PER_TRY_MS) },
  ]
  const manager = {
    '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'in',
    route_config: { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes }] },
    http_filters: [{ name: 'router', typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` } }],
  }
  const clusterOf = (name: string, port: number, more: unknown) => ({
    name,
    type: 'STATIC',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
    ...(more as object),
  })
  const filter_chains = [{ filters: [{ name: 'f', typed_config: manager }] }]
  return {
    admin: { address: address(0) },
    static_resources: {
      listeners: [{ name: 'l', address: address(0), filter_chains }],
      clusters: [clusterOf('up', upPort, cluster), clusterOf('shadow', mirrorPort, {})],
    },
  }
}

function post(port: number | undefined, path: string, body: string): Promise<string> {
  const answered = new Promise<string>((resolve, reject) => {
    const headers = { 'content-length': body.length }
    request({ host: '127.0.0.1', port, path, method: 'POST', headers }, (response) => {
      let text = `${response.statusCode} `
      response.setEncoding('latin1')
      response.on('data', (piece) => (text += piece))
      response.on('end', () => resolve(text))
    })
      .on('error', reject)
      .end(body)
  })
  return within(`the answer to ${path}`, answered)
}

async function onStage<T>(
  start: (config: unknown, dir: string) => Promise<RunningProxy>,
  route: unknown,
  cluster: unknown,
  play: (stage: Stage) => Promise<T>,
): Promise<T> {
  const tries: Try[] = []
  const mirrored: Try[] = []
  const servers = [await collect(tries), await collect(mirrored)]
  const [up, mirror] = servers.map((server) => (server.address() as AddressInfo).port)
  const dir = mkdtempSync(join(tmpdir(), 'sluice-hedging-'))
  let running: RunningProxy | undefined
  try {
    const proxy = await start(bootstrap(route, cluster, up, mirror), dir)
    running = proxy
    return await play({
      tries,
      mirrored,
      ask: (path, body = '') => post(proxy.ports.get('l'), path, body),
      async stat(name) {
        const text = await fetchText(`http://${proxy.admin}/stats?filter=cluster.up.${name}`)
        return Number(new RegExp(`^cluster\\.up\\.${name}: (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
      },
      async until(condition, what) {
        for (let i = 0; i < 1000; i++) {
          if (await condition()) return
          await sleep(10)
        }
        assert.fail(`${what} did not happen`)
      },
    })
  } finally {
    await running?.stop()
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
    rmSync(dir, { recursive: true })
  }
}

const BUDGET = {
  circuit_breakers: { thresholds: [{ retry_budget: { budget_percent: { value: 20 }, min_retry_concurrency: 1 } }] },
}

/** While the second try of one request is under way, the other one is left with its late try. */
async function budget({ tries, ask, stat, until }: Stage): Promise<unknown> {
  const of = (path: string) => tries.filter((one) => one.path === path)
  const first = ask('/patient')
  await until(() => tries.length === 2, 'the second try of the first request')
  const second = ask('/second')
  await until(async () => (await stat('upstream_rq_retry_overflow')) === 1, 'the end of the budget')
  of('/second')[0].response.end('late')
  const answers = [await second]
  tries[1].response.end('newest')
  answers.push(await first)
  // The budget is free again.
  const third = ask('/third')
  await until(() => of('/third').length === 2, 'the second try of the third request')
  of('/third')[0].response.end('first')
  answers.push(await third)
  return [
    answers,
    of('/second').length,
    await stat('upstream_rq_retry_overflow'),
    await stat('upstream_rq_retry_success'),
  ]
}

/** However often a request is tried, because it is late or because it fails, it is mirrored once, and whole. */
async function mirroring({ tries, mirrored, ask, stat, until }: Stage): Promise<unknown> {
  const answer = ask('/copied', 'body')
  await until(() => tries.length === 2, 'the second try')
  await until(() => mirrored.length === 1, 'the copy')
  tries[1].response.writeHead(503).end()
  tries[0].response.end('late')
  const told = await answer
  mirrored[0].response.end()
  const bodies = [...new Set(tries.map(({ body }) => body))]
  return [told, bodies, mirrored.map(({ path, body }) => [path, body]), await stat('retry_or_shadow_abandoned')]
}

/** What is too large to be kept is not tried again, and its one try may be as late as it likes. */
async function tooLarge({ tries, ask, stat, until }: Stage): Promise<unknown> {
  const answer = ask('/large', 'more than ten bytes')
  await until(() => tries.length === 1, 'the try')
  await sleep(4 * PER_TRY_MS)
  tries[0].response.writeHead(503).end('late')
  const bodies = tries.map(({ body }) => body)
  return [await answer, bodies, await stat('upstream_rq_retry'), await stat('retry_or_shadow_abandoned')]
}

describe('hedged requests', { skip: peer.skip }, () => {
  for (const [what, route, cluster, play, expected] of [
    ['share a retry budget', {}, BUDGET, budget, [['200 late', '200 newest', '200 first'], 1, 1, 1]],
    [
      'are mirrored once',
      { route: { request_mirror_policies: [{ cluster: 'shadow' }] } },
      {},
      mirroring,
      ['200 late', ['body'], [['/copied', 'body']], 0],
    ],
    [
      'are none where the body is too large to be kept',
      { per_request_buffer_limit_bytes: 10 },
      {},
      tooLarge,
      ['503 late', ['more than ten bytes'], 0, 1],
    ],
  ] as const) {
    test(what, async () => {
      assert.deepEqual(
        await onStage((config, dir) => startEnvoy(peer.path, config, dir), route, cluster, play),
        expected,
        'Envoy',
      )
      assert.deepEqual(await onStage((config) => startSluice(config), route, cluster, play), expected, 'ours')
    })
  }
})
