/**
 * Memory of 1,000 routes, each with a plugin configuration of its own, beside one: the plugins are one module and share its VM. Each
 * is a filter that is off but for its route, as Envoy has no other way to configure a plugin for a route. Counted is what is alive on
 * the heaps of the main thread and of the data thread; resident memory holds the garbage of loading besides, and varies.
 *
 * node bench/route-plugins.ts [--routes 1000] [--module file.wasm]
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freePorts } from './lib/free-ports.ts'

const { values } = parseArgs({
  options: {
    routes: { type: 'string', default: '1000' },
    module: {
      type: 'string',
      default: fileURLToPath(new URL('../../shared/modules/cpp-add-response-header.wasm', import.meta.url)),
    },
  },
})

const WAIT_MS = 12_000
const [PORT] = await freePorts(1)
const FILTERS = 'type.googleapis.com/envoy.extensions.filters'

function bootstrap(count: number): string {
  const vm = `vm_config: { vm_id: shared, runtime: envoy.wasm.runtime.v8, code: { local: { filename: "${values.module}" } } }`
  const indices = Array.from({ length: count }, (_, i) => i)
  const filters = indices.map(
    (i) =>
      `{ name: plugin${i}, disabled: true, typed_config: { "@type": ${FILTERS}.http.wasm.v3.Wasm, config: { name: plugin${i}, configuration: { "@type": type.googleapis.com/google.protobuf.StringValue, value: "{\\"route\\": ${i}}" }, ${vm} } } }`,
  )
  const routes = indices.map(
    (i) =>
      `{ match: { path: /${i} }, direct_response: { status: 200 }, typed_per_filter_config: { plugin${i}: { "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: false, config: {} } } }`,
  )
  return `
static_resources:
  listeners:
  - name: web
    address: { socket_address: { address: 127.0.0.1, port_value: ${PORT} } }
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": ${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          route_config: { name: r, virtual_hosts: [{ name: all, domains: ["*"], routes: [${routes.join(', ')}] }] }
          http_filters: [${filters.join(', ')}, { name: router, typed_config: { "@type": ${FILTERS}.http.router.v3.Router } }]
`
}

/** Megabytes alive in both threads of a proxy with so many plugins, each of which has served a request. */
async function alive(count: number): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const config = join(scratch, 'bootstrap.yaml')
  writeFileSync(config, bootstrap(count))
  const flags = ['--expose-gc', '--max-semi-space-size=8']
  const preload = ['--require', fileURLToPath(new URL('./lib/heap-report.cjs', import.meta.url))]
  const launcher = fileURLToPath(new URL('../bin/sluice.mjs', import.meta.url))
  const child = spawn(process.execPath, [...flags, ...preload, launcher, 'proxy', '-c', config, '--concurrency', '1'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, HEAP_REPORT_MS: String(WAIT_MS) },
  })
  let text = ''
  child.stderr.on('data', (chunk) => {
    text += chunk
  })
  const answered = new Set<number>()
  const deadline = Date.now() + 2 * WAIT_MS
  try {
    while (Date.now() < deadline) {
      for (let i = 0; i < count; i++) {
        if (answered.has(i)) continue
        const response = await fetch(`http://127.0.0.1:${PORT}/${i}`).catch(() => undefined)
        if (response === undefined) break
        await response.arrayBuffer()
        answered.add(i)
      }
      const heaps = [...text.matchAll(/heap of thread \d+: (\d+) bytes/g)].map((match) => Number(match[1]))
      if (heaps.length === 2) {
        if (answered.size < count) throw new Error(`${count - answered.size} routes were not asked in time`)
        return (heaps[0] + heaps[1]) / 1e6
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error(`the proxy told nothing of its heaps: ${text.slice(-2000)}`)
  } finally {
    child.kill('SIGKILL')
    rmSync(scratch, { recursive: true })
  }
}

const one = await alive(1)
const many = await alive(Number(values.routes))
console.log(`alive with one route: ${one.toFixed(1)} MB, with ${values.routes}: ${many.toFixed(1)} MB`)
console.log(`${(many - one).toFixed(1)} MB more (goal: 20)`)
