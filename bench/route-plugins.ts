/**
 * Memory of 1,000 routes, each with a plugin configuration of its own, beside one: the plugins are one module and share its VM. Each
 * is a filter that is off but for its route, as Envoy has no other way to configure a plugin for a route. What the filters and routes
 * cost by themselves is shown with header_mutation in the plugin's place.
 *
 * node bench/route-plugins.ts [--routes 1000] [--module file.wasm]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cluster, FILTERS, get, httpListener, portOf, testProxy, upstream } from '../src/proxy/testing.ts'
import { rssMb } from './lib/processes.ts'

const { values } = parseArgs({
  options: {
    routes: { type: 'string', default: '1000' },
    module: {
      type: 'string',
      default: fileURLToPath(new URL('../../shared/modules/cpp-add-response-header.wasm', import.meta.url)),
    },
    serve: { type: 'string' },
    bare: { type: 'boolean', default: false },
  },
})

/** A proxy with so many plugins; answers one request through each, then tells its memory. */
async function serve(count: number): Promise<void> {
  const vm = `vm_config: { vm_id: shared, runtime: envoy.wasm.runtime.v8, code: { local: { filename: "${values.module}" } } }`
  const text = (i: number) =>
    `{ "@type": type.googleapis.com/google.protobuf.StringValue, value: "{\\"route\\": ${i}}" }`
  const indices = Array.from({ length: count }, (_, i) => i)
  const bare = `{ "@type": ${FILTERS}.http.header_mutation.v3.HeaderMutation, mutations: { response_mutations: [{ append: { header: { key: message, value: bar } } }] } }`
  const plugin = (i: number) =>
    `{ "@type": ${FILTERS}.http.wasm.v3.Wasm, config: { name: plugin${i}, configuration: ${text(i)}, ${vm} } }`
  const filters = indices.map(
    (i) => `{ name: plugin${i}, disabled: true, typed_config: ${values.bare ? bare : plugin(i)} }`,
  )
  const on = 'type.googleapis.com/envoy.config.route.v3.FilterConfig'
  const routes = indices.map(
    (i) =>
      `{ match: { path: /${i} }, route: { cluster: up }, typed_per_filter_config: { plugin${i}: { "@type": ${on}, disabled: false, config: {} } } }`,
  )
  const up = await upstream((_, response) => response.setHeader('message', 'foo').end('ok'))
  const proxy = await testProxy([httpListener({ filters, routes: `[${routes.join(', ')}]` })], [cluster(up.port)])
  for (const i of indices) {
    const { headers } = await get(portOf(proxy), `/${i}`)
    if (headers['message'] !== 'bar' && headers['message'] !== 'foo, bar')
      throw new Error(`no plugin on route ${i}: ${JSON.stringify(headers)}`)
  }
  // The main thread's collector is here; the data thread's follows its own need.
  globalThis.gc?.()
  await new Promise((resolve) => setTimeout(resolve, 3000))
  process.send?.(rssMb(process.pid))
  process.exit(0)
}

async function measure(count: number, bare: boolean): Promise<number> {
  const args = ['--serve', String(count), '--module', values.module, ...(bare ? ['--bare'] : [])]
  const child = fork(fileURLToPath(import.meta.url), args, {
    execArgv: ['--expose-gc', '--max-semi-space-size=8'],
    env: { ...process.env, SLUICE_LOG_LEVEL: 'error' },
  })
  return (await once(child, 'message'))[0] as number
}

/** How much more many routes take than one. */
async function growth(bare: boolean): Promise<number> {
  const [one, many] = [await measure(1, bare), await measure(Number(values.routes), bare)]
  const what = bare ? 'header_mutation' : 'a plugin'
  console.log(`RSS with 1 route with ${what}: ${one.toFixed(0)} MB, with ${values.routes}: ${many.toFixed(0)} MB`)
  return many - one
}

if (values.serve !== undefined) await serve(Number(values.serve))
else {
  const [plain, plugins] = [await growth(true), await growth(false)]
  console.log(`the plugins themselves take ${(plugins - plain).toFixed(0)} MB of the ${plugins.toFixed(0)} MB`)
}
