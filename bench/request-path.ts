/**
 * Requests per CPU-second of one proxy on one core: Sluice beside Envoy, nginx, HAProxy and node:http + undici, as far as they are
 * there. The proxy has core 0 for itself, upstream and load generator share core 1; runs alternate, so that a noisy machine is
 * noisy for all. Envoy and Sluice read the same bootstrap and the same module file.
 *
 * node bench/request-path.ts [--runs 3] [--warmup 4] [--seconds 4] [--connections 64] [--only sluice,envoy] [--scenario plain]
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { envoy, haproxy, nginx as nginxPeer, wrk } from '../test/peers/index.ts'
import { cpuSeconds, median, output, rssMb, start, stop, stopAll } from './lib/processes.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    warmup: { type: 'string', default: '4' },
    connections: { type: 'string', default: '64' },
    only: { type: 'string' },
    scenario: { type: 'string' },
  },
})

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MODULE = join(ROOT, '../shared/modules/cpp-add-response-header.wasm')
const UPSTREAM = 19190
const PROXY = 19191
const BODY = 'a body of sixty-six bytes, which is about the size of a short JSON'

const path = async (peer: Promise<{ readonly path: string }>) => (await peer).path || undefined

const programs = {
  wrk: await path(wrk()),
  nginx: await path(nginxPeer()),
  haproxy: await path(haproxy()),
  envoy: await path(envoy()),
}

const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-'))

function file(name: string, text: string): string {
  const path = join(scratch, name)
  writeFileSync(path, text)
  return path
}

interface Scenario {
  readonly filters: readonly string[]
  readonly hcm?: string
  readonly route?: string
}

const TYPE = 'type.googleapis.com/envoy.extensions'
const WASM = `{ name: wasm, typed_config: { "@type": ${TYPE}.filters.http.wasm.v3.Wasm, config: { name: w, root_id: "", vm_config: { runtime: envoy.wasm.runtime.v8, code: { local: { filename: "${MODULE}" } } } } } }`
const RBAC = `{ name: rbac, typed_config: { "@type": ${TYPE}.filters.http.rbac.v3.RBAC, rules: { action: ALLOW, policies: { all: { permissions: [{ url_path: { path: { prefix: / } } }], principals: [{ any: true }] } } } } }`

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  plain: { filters: [] },
  'one wasm filter': { filters: [WASM] },
  'ten wasm filters': { filters: Array.from({ length: 10 }, (_, i) => WASM.replace('name: wasm', `name: wasm${i}`)) },
  'access log': {
    filters: [],
    hcm: `access_log: [{ name: log, typed_config: { "@type": ${TYPE}.access_loggers.file.v3.FileAccessLog, path: "${join(scratch, 'access.log')}" } }]`,
  },
  rbac: { filters: [RBAC] },
  'retries and timeouts': {
    filters: [],
    route: ', timeout: 5s, retry_policy: { retry_on: "5xx,connect-failure", num_retries: 2, per_try_timeout: 2s }',
  },
}

function bootstrap({ filters, hcm = '', route = '' }: Scenario): string {
  const router = `{ name: router, typed_config: { "@type": ${TYPE}.filters.http.router.v3.Router } }`
  return `
static_resources:
  listeners:
  - name: web
    address: { socket_address: { address: 127.0.0.1, port_value: ${PROXY} } }
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": ${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          codec_type: HTTP1
          route_config: { name: r, virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: up${route} } }] }] }
          http_filters: [${[...filters, router].join(', ')}]
          ${hcm}
  clusters:
  - name: up
    type: STATIC
    load_assignment: { cluster_name: up, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${UPSTREAM} } } } }] }] }
`
}

const NGINX_HEAD = `worker_processes 1; daemon off; master_process off; error_log /dev/null; pid ${scratch}/NAME.pid; events { worker_connections 4096; }`
const TEMP = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  .map((kind) => `${kind}_temp_path ${scratch}/${kind};`)
  .join(' ')

function nginx(name: string, http: string): [string, string[]] {
  const conf = file(
    `${name}.conf`,
    `${NGINX_HEAD.replace('NAME', name)} http { access_log off; keepalive_requests 1000000000; ${TEMP} ${http} }`,
  )
  return [programs.nginx as string, ['-p', scratch, '-c', conf]]
}

const UNDICI = `
import { createServer } from 'node:http'
import { Pool } from '${ROOT}node_modules/undici/index.js'
const pool = new Pool('http://127.0.0.1:${UPSTREAM}', { connections: 64 })
createServer((request, response) => {
  pool.dispatch({ path: request.url, method: request.method, headers: request.headers }, {
    onRequestStart() {}, onResponseError() { response.destroy() },
    onResponseStart(_, status, headers) { response.writeHead(status, headers) },
    onResponseData(_, chunk) { response.write(chunk) }, onResponseEnd() { response.end() },
  })
}).listen(${PROXY}, '127.0.0.1')`

/** How each proxy is started; `undefined` when it is not there or does not take part in a scenario. */
const PROXIES: Readonly<Record<string, (name: string, scenario: Scenario) => [string, string[]] | undefined>> = {
  sluice: (name, scenario) => [
    process.execPath,
    [join(ROOT, 'bin/sluice.mjs'), 'proxy', '-c', file(`${name}.yaml`, bootstrap(scenario)), '--concurrency', '1'],
  ],
  envoy: (name, scenario) =>
    programs.envoy === undefined
      ? undefined
      : [
          programs.envoy,
          ['-c', file(`${name}.yaml`, bootstrap(scenario)), '--concurrency', '1', '--base-id', '77', '-l', 'error'],
        ],
  nginx: (name) =>
    name !== 'plain' || programs.nginx === undefined
      ? undefined
      : nginx(
          'proxy',
          `upstream up { server 127.0.0.1:${UPSTREAM}; keepalive 128; keepalive_requests 1000000000; } server { listen 127.0.0.1:${PROXY}; location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header connection ""; } }`,
        ),
  haproxy: (name) =>
    name !== 'plain' || programs.haproxy === undefined
      ? undefined
      : [
          programs.haproxy,
          [
            '-db',
            '-f',
            file(
              'haproxy.cfg',
              `global\n  nbthread 1\n  maxconn 4096\ndefaults\n  mode http\n  timeout client 1m\n  timeout server 1m\n  timeout connect 1s\nfrontend f\n  bind 127.0.0.1:${PROXY}\n  default_backend b\nbackend b\n  http-reuse always\n  server s 127.0.0.1:${UPSTREAM}\n`,
            ),
          ],
        ],
  'node:http + undici': (name) => (name === 'plain' ? [process.execPath, [file('undici.mjs', UNDICI)]] : undefined),
}

async function answers(port: number): Promise<void> {
  for (let i = 0; i < 200; i++) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/`)
      if (response.ok) return
    } catch {}
    await sleep(50)
  }
  throw new Error(`nothing answers on port ${port}`)
}

interface Run {
  readonly perCpuSecond: number
  readonly perSecond: number
  readonly p50: string
  readonly p99: string
  readonly rss: number
  readonly errors: number
}

const HEADERS = [
  'user-agent: bench/1.0',
  'accept: text/html,application/json',
  'accept-language: en',
  'accept-encoding: gzip',
  'cookie: session=0123456789abcdef',
  'x-a: b',
  'message: foo',
]

async function load(pid: number, seconds: number): Promise<Run> {
  const args = [
    '-t1',
    `-c${values.connections}`,
    `-d${seconds}s`,
    '--latency',
    ...HEADERS.flatMap((h) => ['-H', h]),
    `http://127.0.0.1:${PROXY}/some/path?query=1`,
  ]
  const before = cpuSeconds(pid)
  const text = await output(1, programs.wrk as string, args)
  const cpu = cpuSeconds(pid) - before
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0)
  return {
    perCpuSecond: number(/(\d+) requests in/) / cpu,
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50: /50%\s+(\S+)/.exec(text)?.[1] ?? '?',
    p99: /99%\s+(\S+)/.exec(text)?.[1] ?? '?',
    rss: rssMb(pid),
    errors: number(/Non-2xx or 3xx responses: (\d+)/),
  }
}

async function measure(name: string, scenario: Scenario): Promise<void> {
  const results = new Map<string, Run[]>()
  const wanted = values.only?.split(',')
  for (let run = 0; run < Number(values.runs); run++) {
    for (const [proxy, command] of Object.entries(PROXIES)) {
      if (wanted !== undefined && !wanted.includes(proxy)) continue
      const program = command(name, scenario)
      if (program === undefined) continue
      const child = start(program, 0)
      try {
        await answers(PROXY)
        const pid = child.pid as number
        await load(pid, Number(values.warmup))
        results.set(proxy, [...(results.get(proxy) ?? []), await load(pid, Number(values.seconds))])
      } catch (error) {
        console.error(`${proxy}, ${name}: ${String(error)}`)
      } finally {
        await stop(child)
      }
    }
  }
  report(name, results)
}

const measured = new Map<string, number>()

function report(name: string, results: ReadonlyMap<string, readonly Run[]>): void {
  const own = median((results.get('sluice') ?? []).map((run) => run.perCpuSecond))
  if (name === 'plain') measured.set('plain', own)
  console.log(`\n${name}`)
  console.table(
    [...results].map(([proxy, runs]) => {
      const rates = runs.map((run) => run.perCpuSecond)
      const middle = median(rates)
      const spread = (Math.max(...rates) - Math.min(...rates)) / middle
      const last = runs[runs.length - 1]
      return {
        proxy,
        'requests per CPU-second': Math.round(middle),
        spread: `${Math.round(spread * 100)} %`,
        'Sluice is': proxy === 'sluice' ? '' : `${(own / middle).toFixed(2)} x`,
        p50: last.p50,
        p99: last.p99,
        'RSS MB': Math.round(last.rss),
        errors: runs.reduce((sum, run) => sum + run.errors, 0),
      }
    }),
  )
  const plain = measured.get('plain')
  if (name !== 'plain' && plain !== undefined && own > 0)
    console.log(`costs ${((1 - own / plain) * 100).toFixed(1)} % of Sluice's plain throughput`)
}

async function main(): Promise<void> {
  if (programs.wrk === undefined || programs.nginx === undefined) {
    console.log('wrk and nginx are needed: the load generator and the upstream')
    return
  }
  const upstream = start(
    nginx(
      'upstream',
      `server { listen 127.0.0.1:${UPSTREAM}; location / { default_type text/plain; add_header message foo; return 200 "${BODY}"; } }`,
    ),
    1,
  )
  try {
    await answers(UPSTREAM)
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      if (values.scenario !== undefined && name !== values.scenario) continue
      if (name.includes('wasm') && !existsSync(MODULE)) continue
      await measure(name, scenario)
    }
  } finally {
    await stop(upstream)
    await stopAll()
    rmSync(scratch, { recursive: true, force: true })
  }
}

await main()
