/**
 * HTTP/2 requests per CPU-second of one proxy on one core, Sluice beside Envoy with the same bootstrap: HTTP/1.1 and h2c behind, TLS in
 * front, large answers, gRPC unary calls; and messages per CPU-second of gRPC streams. The proxy has core 0 for itself, upstream
 * (nginx) and load generator (h2load), or both ends of the streams (lib/grpc-peer.ts), share core 1; runs alternate.
 *
 * node bench/http2-path.ts [--runs 3] [--warmup 3] [--seconds 4] [--connections 16] [--streams 8] [--only sluice,envoy] [--scenario grpc]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import '../src/base/reflect-metadata.ts'
import { X509CertificateGenerator } from '@peculiar/x509'
import { envoy, h2load, nginx } from '../test/peers/index.ts'
import { freePorts } from './lib/free-ports.ts'
import { cpuSeconds, median, output, rssMb, start, stop, stopAll } from './lib/processes.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    warmup: { type: 'string', default: '3' },
    connections: { type: 'string', default: '16' },
    streams: { type: 'string', default: '8' },
    only: { type: 'string' },
    scenario: { type: 'string' },
  },
})

const SLUICE = fileURLToPath(new URL('../bin/sluice.mjs', import.meta.url))
const [UPSTREAM, UPSTREAM_H2, UPSTREAM_GRPC, PROXY] = await freePorts(4)
const PEER = fileURLToPath(new URL('lib/grpc-peer.ts', import.meta.url))
const BODY = 'a body of sixty-six bytes, which is about the size of a short JSON'
const TYPE = 'type.googleapis.com/envoy.extensions'

const programs = {
  h2load: (await h2load()).path,
  nginx: (await nginx()).path,
  envoy: (await envoy()).path,
}
const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-'))

function file(name: string, content: string | Buffer): string {
  const path = join(scratch, name)
  writeFileSync(path, content)
  return path
}

interface Scenario {
  readonly h2Upstream: boolean
  readonly tls?: boolean
  readonly path?: string
  /** Streams: each message is answered with one, or one is answered with as many as are read. */
  readonly messages?: 'echo' | 'stream'
  readonly args: readonly string[]
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
const plain = HEADERS.flatMap((header) => ['-H', header])
/** One gRPC message of 64 bytes. */
const message = file('message', Buffer.concat([Buffer.from([0, 0, 0, 0, 64]), Buffer.alloc(64, 0x61)]))
const grpc = ['content-type: application/grpc', 'te: trailers', 'user-agent: grpc-bench/1.0'].flatMap((h) => ['-H', h])

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'h2c to h1': { h2Upstream: false, args: plain },
  'h2c to h2c': { h2Upstream: true, args: plain },
  'h2 by TLS to h1': { h2Upstream: false, tls: true, args: plain },
  'h2c to h1, 1 MB answers': { h2Upstream: false, path: '/large', args: plain },
  'h2c to h2c, 1 MB answers': { h2Upstream: true, path: '/large', args: plain },
  'grpc unary': { h2Upstream: true, args: [...grpc, '-d', message] },
  'grpc bidirectional stream, a message each way': { h2Upstream: true, messages: 'echo', args: [] },
  'grpc server stream, messages': { h2Upstream: true, messages: 'stream', args: [] },
}

const certificate = await selfSigned()
const TLS = `transport_socket: { name: tls, typed_config: { "@type": ${TYPE}.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: { alpn_protocols: [h2], tls_certificates: [{ certificate_chain: { filename: ${file('cert.pem', certificate.cert)} }, private_key: { filename: ${file('key.pem', certificate.key)} } }] } } }`

async function selfSigned(): Promise<{ cert: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const cert = await X509CertificateGenerator.createSelfSigned({ name: 'CN=bench', keys, signingAlgorithm: algorithm })
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return { cert: cert.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` }
}

function bootstrap({ h2Upstream, tls, messages }: Scenario): string {
  const upstream = messages !== undefined ? UPSTREAM_GRPC : h2Upstream ? UPSTREAM_H2 : UPSTREAM
  const options = h2Upstream
    ? `typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": ${TYPE}.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http2_protocol_options: {} } } }`
    : ''
  return `
static_resources:
  listeners:
  - name: web
    address: { socket_address: { address: 127.0.0.1, port_value: ${PROXY} } }
    filter_chains:
    - ${tls ? TLS : ''}
      filters:
      - name: hcm
        typed_config:
          "@type": ${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          codec_type: HTTP2
          route_config: { name: r, virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: up${messages === undefined ? '' : ', timeout: 0s'} } }] }] }
          http_filters: [{ name: router, typed_config: { "@type": ${TYPE}.filters.http.router.v3.Router } }]
  clusters:
  - name: up
    type: STATIC
    ${options}
    load_assignment: { cluster_name: up, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${upstream} } } } }] }] }
`
}

function upstreamCommand(): [string, string[]] {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${scratch}/${kind};`,
  )
  file('large', Buffer.alloc(1 << 20, 0x61))
  const answer = `location /large { root ${scratch}; } location / { default_type text/plain; add_header message foo; add_trailer grpc-status 0; return 200 "${BODY}"; }`
  const conf = file(
    'nginx.conf',
    `worker_processes 1; daemon off; master_process off; error_log /dev/null; pid ${scratch}/nginx.pid; events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; http2_max_concurrent_streams 1024; ${temp.join(' ')}
server { listen 127.0.0.1:${UPSTREAM}; ${answer} } server { listen 127.0.0.1:${UPSTREAM_H2} http2; ${answer} } }`,
  )
  return [programs.nginx, ['-p', scratch, '-c', conf]]
}

const PROXIES: Readonly<Record<string, (config: string) => [string, string[]]>> = {
  sluice: (config) => [process.execPath, [SLUICE, 'proxy', '-c', config, '--concurrency', '1']],
  envoy: (config) => [programs.envoy, ['-c', config, '--concurrency', '1', '--base-id', '78', '-l', 'error']],
}

async function answers(port: number, tls = false): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const session = connect(`http${tls ? 's' : ''}://127.0.0.1:${port}`, { rejectUnauthorized: false }).on(
      'error',
      () => {},
    )
    const ok = await new Promise((resolve) => {
      const request = session.request({ ':path': '/' })
      request.on('response', (headers) => resolve(headers[':status'] === 200)).on('error', () => resolve(false))
    })
    session.destroy()
    if (ok) return
    await sleep(50)
  }
  throw new Error(`nothing answers on port ${port}`)
}

interface Run {
  readonly perCpuSecond: number
  readonly latency: string
  readonly rss: number
  readonly failed: number
}

async function load(pid: number, seconds: string, { args, tls, path, messages }: Scenario): Promise<Run> {
  const { connections, streams } = values
  const before = cpuSeconds(pid)
  if (messages !== undefined) {
    const call = [PEER, 'call', String(PROXY), messages, connections, streams, seconds]
    const received = Number(await output(1, process.execPath, call))
    return { perCpuSecond: received / (cpuSeconds(pid) - before), latency: '', rss: rssMb(pid), failed: 0 }
  }
  const url = `http${tls ? 's' : ''}://127.0.0.1:${PROXY}${path ?? '/some/path?query=1'}`
  const text = await output(1, programs.h2load, ['-D', seconds, '-c', connections, '-m', streams, ...args, url])
  const cpu = cpuSeconds(pid) - before
  const found = /(\d+) succeeded, (\d+) failed, (\d+) errored/.exec(text)
  return {
    perCpuSecond: Number(found?.[1] ?? 0) / cpu,
    latency: /time for request:\s+\S+\s+(\S+\s+\S+)/.exec(text)?.[1] ?? '?',
    rss: rssMb(pid),
    failed: Number(found?.[2] ?? 0) + Number(found?.[3] ?? 0),
  }
}

async function measure(name: string, scenario: Scenario): Promise<void> {
  const results = new Map<string, Run[]>()
  for (let run = 0; run < Number(values.runs); run++) {
    for (const [proxy, command] of Object.entries(PROXIES)) {
      if (values.only !== undefined && !values.only.split(',').includes(proxy)) continue
      const child = start(command(file(`${proxy}.yaml`, bootstrap(scenario))), 0)
      const peer = scenario.messages
      const upstream = peer && start([process.execPath, [PEER, 'serve', String(UPSTREAM_GRPC), peer]], 1)
      try {
        await answers(PROXY, scenario.tls)
        const pid = child.pid as number
        await load(pid, values.warmup, scenario)
        results.set(proxy, [...(results.get(proxy) ?? []), await load(pid, values.seconds, scenario)])
      } catch (error) {
        console.error(`${proxy}, ${name}: ${String(error)}`)
      } finally {
        await stop(child)
        if (upstream) await stop(upstream)
      }
    }
  }
  report(name, results)
}

function report(name: string, results: ReadonlyMap<string, readonly Run[]>): void {
  const own = median((results.get('sluice') ?? []).map((run) => run.perCpuSecond))
  console.log(`\n${name}`)
  console.table(
    [...results].map(([proxy, runs]) => {
      const rates = runs.map((run) => run.perCpuSecond)
      const middle = median(rates)
      const last = runs[runs.length - 1]
      return {
        proxy,
        'requests per CPU-second': Math.round(middle),
        spread: `${Math.round(((Math.max(...rates) - Math.min(...rates)) / middle) * 100)} %`,
        'Sluice is': proxy === 'sluice' ? '' : `${(own / middle).toFixed(2)} x`,
        'max, mean': last.latency,
        'RSS MB': Math.round(last.rss),
        failed: runs.reduce((sum, run) => sum + run.failed, 0),
      }
    }),
  )
}

const missing = Object.entries(programs).filter(([, path]) => path === '')
if (missing.length > 0) console.log(`not on this machine: ${missing.map(([name]) => name).join(', ')}`)
else {
  const upstream = start(upstreamCommand(), 1)
  try {
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      if (values.scenario === undefined || name.includes(values.scenario)) await measure(name, scenario)
    }
  } finally {
    await stop(upstream)
    await stopAll()
    rmSync(scratch, { recursive: true, force: true })
  }
}
