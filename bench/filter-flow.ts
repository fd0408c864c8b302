/**
 * Whole flows of real modules: context create, request headers, response headers, log, done, delete. Prints the cost with all limits
 * on, the cost without fuel, and the reference figure of an unlimited stub host (facts on Proxy-Wasm, 7.3).
 *
 * node bench/filter-flow.ts [part of a module's name]
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { compileModuleSync, type PluginConfig } from '../src/wasm/index.ts'
import { compare, REQUEST, RESPONSE, StubStream, startStub } from './wasm-stub.ts'

const FOLDER = new URL('../../shared/modules/', import.meta.url)
const REFERENCE: Readonly<Record<string, string>> = {
  'go-http-headers.wasm': '13.6-19 us',
  'cpp-add-response-header.wasm': '0.55 us (one of its calls), Envoy 4-8 us',
}
const CONFIG: Readonly<Record<string, Partial<PluginConfig>>> = {
  'go-http-headers.wasm': { configuration: '{"header":"x-a","value":"b"}' },
}

if (!existsSync(FOLDER)) {
  console.log('skipped: ../shared/modules is not here')
} else {
  const rows: Record<string, unknown>[] = []
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.wasm'))) {
    if (process.argv[2] !== undefined && !name.includes(process.argv[2])) continue
    const bytes = readFileSync(new URL(name, FOLDER))
    const [withLimits, withoutFuel] = compare([flow(bytes, true, CONFIG[name]), flow(bytes, false, CONFIG[name])])
    rows.push({
      module: name,
      'us, limits on': (withLimits / 1000).toFixed(2),
      'us, no fuel': (withoutFuel / 1000).toFixed(2),
      'fuel costs': `${((withLimits / withoutFuel - 1) * 100).toFixed(1)} %`,
      reference: REFERENCE[name] ?? '',
    })
  }
  console.table(rows)
}

function flow(bytes: Uint8Array, fuel: boolean, config: Partial<PluginConfig> = {}): () => void {
  const compiled = compileModuleSync(bytes, { fuel, logBurst: 1e9, logsPerSecond: 1e9 })
  const plugin = startStub(compiled, config)
  return () => {
    const stream = new StubStream(REQUEST.slice(), RESPONSE.slice())
    const context = plugin.createHttpContext(stream)
    context.onRequestHeaders(true)
    context.onResponseHeaders(true)
    context.end()
  }
}
