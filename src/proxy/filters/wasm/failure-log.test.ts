/** What access logs say of a plugin that failed: which one, and why. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { guest } from '../../../wasm/testing/wat-guest.ts'
import {
  cluster,
  eventually,
  exchange,
  FILTERS,
  get,
  httpListener,
  portOf,
  rawUpstream,
  testProxy,
  upstream,
} from '../../testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'wasm-failure-'))
after(() => rmSync(folder, { recursive: true }))

const METADATA = '%DYNAMIC_METADATA(sluice.wasm:failed_plugin)% %DYNAMIC_METADATA(sluice.wasm:cause)%'

function fileLog(name: string, format: string): { path: string; yaml: string; lines: () => string[] } {
  const path = join(folder, name)
  writeFileSync(path, '')
  const type = 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog'
  const text = `log_format: { text_format_source: { inline_string: "${format}\\n" } }`
  return {
    path,
    yaml: `{ name: file, typed_config: { "@type": ${type}, path: "${path}", ${text} } }`,
    lines: () => readFileSync(path, 'utf8').split('\n').slice(0, -1),
  }
}

function config(name: string, code: string): string {
  const file = join(folder, `${name}.wasm`)
  writeFileSync(file, guest(code))
  return `{ name: ${name}, vm_config: { vm_id: ${name}, code: { local: { filename: "${file}" } } } }`
}

describe('access logs of a plugin that failed', () => {
  /** What the module dies of, and the cause that is told. */
  const CAUSES: [string, string][] = [
    ['unreachable', 'trap'],
    ['(loop (br 0))', 'fuel'],
    ['(drop (call $f (i32.const 0)))', 'stack_overflow'],
  ]
  const DEEP = `(func $f (param i32) (result i32) (local ${'i64 '.repeat(60)})
    (i32.add (call $f (i32.add (local.get 0) (i32.const 1))) (i32.wrap_i64 (local.get 9))))`

  for (const [code, cause] of CAUSES) {
    it(`HTTP: ${cause}`, async () => {
      const up = await upstream()
      const log = fileLog(`http-${cause}`, `%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% ${METADATA}`)
      const body = `${DEEP} (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${code} (i32.const 0))`
      const filter = `{ name: wasm, typed_config: { "@type": ${FILTERS}.http.wasm.v3.Wasm, config: ${config(`http-${cause}`, body)} } }`
      const proxy = await testProxy(
        [httpListener({ filters: [filter], hcm: `access_log: [${log.yaml}]` })],
        [cluster(up.port)],
      )
      try {
        for (let i = 0; i < 2; i++) assert.equal((await get(portOf(proxy))).status, 503)
        await eventually(() => log.lines().length === 2, 'two lines')
        const line = `503 wasm_fail_stream{http-${cause},${cause}} http-${cause} ${cause}`
        assert.deepEqual(log.lines(), [line, line])
      } finally {
        await proxy.close()
        await up.close()
      }
    })
  }

  it('TCP', async () => {
    const up = await rawUpstream((socket) => socket.pipe(socket))
    const log = fileLog('tcp', `%CONNECTION_TERMINATION_DETAILS% ${METADATA}`)
    const code = '(func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32) unreachable)'
    const listener = `
name: web
address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
filter_chains:
- filters:
  - { name: wasm, typed_config: { "@type": ${FILTERS}.network.wasm.v3.Wasm, config: ${config('tcp', code)} } }
  - { name: tcp, typed_config: { "@type": ${FILTERS}.network.tcp_proxy.v3.TcpProxy, stat_prefix: tcp, cluster: up, access_log: [${log.yaml}] } }
`
    const proxy = await testProxy([listener], [cluster(up.port)])
    try {
      for (let i = 0; i < 2; i++) assert.equal(await exchange(portOf(proxy), 'hello', 200), '')
      await eventually(() => log.lines().length === 2, 'two lines')
      assert.deepEqual(log.lines(), Array(2).fill('wasm_fail_stream{tcp,trap} tcp trap'))
    } finally {
      await proxy.close()
      await up.close()
    }
  })
})
