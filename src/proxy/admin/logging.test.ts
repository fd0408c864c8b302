/** Levels of the log at run time: of the threads that serve, not only of the one that answers at the admin address. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { guest } from '../../wasm/testing/wat-guest.ts'
import { cluster, eventually, FILTERS, get, httpListener, portOf, takeStderr, testProxy, upstream } from '../testing.ts'

/** 1 is debug. */
const WAT = `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (drop (call $proxy_log (i32.const 1) (s "a request has come"))) (i32.const 0))`

it('/logging changes the levels of all threads, also of one that takes the place of another', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'logging-'))
  const file = join(folder, 'a.wasm')
  writeFileSync(file, guest(WAT))
  const filter = `{ name: w, typed_config: { "@type": ${FILTERS}.http.wasm.v3.Wasm, config: { name: w, vm_config: { code: { local: { filename: "${file}" } } } } } }`
  const written = takeStderr(t)
  const lines = () =>
    written()
      .split('\n')
      .filter((line) => line.includes('a request has come')).length
  const up = await upstream()
  const admin = { host: '127.0.0.1', port: 0 }
  const proxy = await testProxy([httpListener({ filters: [filter] })], [cluster(up.port)], { admin, workers: 1 })
  const levels = async (query: string) => {
    const answer = await fetch(`http://${proxy.adminAddress}/logging${query}`, { method: 'POST' })
    return `${answer.status} ${await answer.text()}`
  }
  try {
    const port = portOf(proxy)
    await get(port)
    assert.match(await levels('?wasm=debug'), /^200 active loggers:\n(?: {2}.*\n)* {2}wasm: debug\n/)
    await get(port)
    await eventually(() => lines() === 1, 'a line of the data thread')
    await proxy.workers.kill(0)
    const asked = () => get(port).catch(() => undefined)
    await eventually(async () => (await asked()) !== undefined && lines() > 1, 'a line of the thread in its place')

    assert.match(await levels('?paths=wasm:warning,proxy:error'), / {2}proxy: error\n(?: {2}.*\n)* {2}wasm: warn\n/)
    const before = lines()
    await get(port)
    assert.match(await levels('?level=debug'), / {2}proxy: debug\n/)
    await get(port)
    await eventually(() => lines() > before, 'a line of the second request')

    assert.match(await levels('?wasm=loud'), /^400 unknown log level «loud»; there are trace, debug, .*warning/)
    assert.match(await levels('?paths=wasm:error,nobody:error'), /^400 unknown logger «nobody»; there are .*wasm/)
    // Names that every object has.
    assert.match(await levels('?wasm=constructor'), /^400 unknown log level «constructor»/)
    assert.match(await levels('?toString=debug'), /^400 unknown logger «toString»/)
    assert.match(await levels(''), /wasm: debug/, 'what is refused changes nothing')
  } finally {
    await proxy.close()
    await up.close()
    rmSync(folder, { recursive: true })
    await levels('?level=info').catch(() => {})
  }
})
