/** Trace of host calls, on and off in a running proxy. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { guest } from '../../../wasm/testing/wat-guest.ts'
import {
  cluster,
  eventually,
  FILTERS,
  get,
  httpListener,
  portOf,
  takeStderr,
  testProxy,
  upstream,
} from '../../testing.ts'

const WAT = `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (drop (call $proxy_add_header_map_value (i32.const 0) (s "x-seen") (s "yes"))) (i32.const 0))`

function post(address: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request(`http://${address}${path}`, { method: 'POST' }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
      .on('error', reject)
      .end()
  })
}

/** A proxy with these extensions, and the lines of traces that it writes. */
async function tracing(t: TestContext, names: readonly string[], workers: number) {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-trace-'))
  const file = join(folder, 'a.wasm')
  writeFileSync(file, guest(WAT))
  const config = (name: string) =>
    `{ name: ${name}, typed_config: { "@type": ${FILTERS}.http.wasm.v3.Wasm, config: { name: ${name}, vm_config: { vm_id: ${name}, code: { local: { filename: "${file}" } } } } } }`
  const written = takeStderr(t)
  const up = await upstream()
  const listener = httpListener({ filters: names.map(config) })
  const proxy = await testProxy([listener], [cluster(up.port)], { admin: { host: '127.0.0.1', port: 0 }, workers })
  t.after(async () => {
    await proxy.close()
    await up.close()
    rmSync(folder, { recursive: true })
  })
  const lines = () =>
    written()
      .split('\n')
      .filter((line) => line.includes('wasm trace'))
  return { proxy, admin: proxy.adminAddress as string, port: portOf(proxy), lines }
}

it('POST /wasm/trace writes the calls of one extension to the log, in words, until it is switched off', async (t) => {
  const { admin, port, lines } = await tracing(t, ['traced', 'other'], 2)
  await get(port)
  const on = await post(admin, '/wasm/trace?extension=traced&enable=true')
  assert.deepEqual(on, { status: 200, body: 'trace of traced is on; it runs 2 times\n' })
  await get(port)
  await eventually(() => lines().some((line) => line.includes('proxy_on_request_headers(')), 'the trace')
  const call = 'proxy_add_header_map_value(request headers, \\"x-seen\\", \\"yes\\") -> 0'
  assert.equal(lines().filter((line) => line.includes(call)).length, 1, lines().join('\n'))
  assert.ok(lines().every((line) => line.includes('"scope":"wasm"') && line.includes('wasm trace traced:')))
  await post(admin, '/wasm/trace?extension=traced&enable=false')
  const before = lines().length
  await get(port)
  await post(admin, '/wasm/trace?extension=nobody&enable=true')
  assert.equal(lines().length, before)
  const refused = await post(admin, '/wasm/trace?extension=traced')
  assert.equal(refused.status, 400)
  assert.match(refused.body, /usage/)
  assert.equal((await get(Number(admin.split(':')[1]), '/wasm/trace?extension=traced&enable=true')).status, 405)
})

it('a thread that takes the place of another goes on with its traces', async (t) => {
  const { proxy, admin, port, lines } = await tracing(t, ['kept', 'ended'], 1)
  for (const name of ['kept', 'ended']) await post(admin, `/wasm/trace?extension=${name}&enable=true`)
  await post(admin, '/wasm/trace?extension=ended&enable=false')
  const before = lines().length
  await proxy.workers.kill(0)
  const asked = () => get(port).catch(() => undefined)
  await eventually(async () => (await asked()) !== undefined && lines().length > before, 'a line of the thread')
  assert.ok(lines().every((line) => line.includes('wasm trace kept:')))
})
