import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { type ConnectionHost, createTestHost, type PluginConfig } from '../index.ts'
import { guest } from '../testing/wat-guest.ts'

class TestConnection implements ConnectionHost {
  downstreamData: BodyBuffer | undefined
  upstreamData: BodyBuffer | undefined
  readonly filterState = new Map<string, Uint8Array>()
  readonly done: string[] = []

  attribute(): undefined {
    return undefined
  }
  continueDownstream(): void {
    this.done.push('continue downstream')
  }
  continueUpstream(): void {
    this.done.push('continue upstream')
  }
  closeDownstream(): void {
    this.done.push('close downstream')
  }
  closeUpstream(): void {
    this.done.push('close upstream')
  }
  onPluginFailed(): void {
    this.done.push('failed')
  }
}

function start(code: string, config: Partial<PluginConfig> = {}) {
  const host = createTestHost()
  const plugin = host.start(guest(code), config)
  const connection = new TestConnection()
  return {
    host,
    connection,
    context: plugin.createNetworkContext(connection),
    logs: () => host.logs.map((line) => line.message),
  }
}

const say = (text: string) => `(drop (call $proxy_log (i32.const 2) (s "${text}")))`
const show = (type: number) =>
  `(drop (call $proxy_get_buffer_bytes (i32.const ${type}) (i32.const 0) (i32.const 99) $slot0 $slot1)) (call $show)`

describe('NetworkContext', () => {
  it('sees connection, data both ways, closes, and ends with done, log, delete (Envoy for TCP)', () => {
    const { context, connection, logs } = start(`
      (func (export "proxy_on_new_connection") (param i32) (result i32) ${say('new')} (i32.const 0))
      (func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32) ${show(2)} (call $status (local.get 2)) (i32.const 1))
      (func (export "proxy_on_upstream_data") (param i32 i32 i32) (result i32) ${show(3)} (i32.const 0))
      (func (export "proxy_on_downstream_connection_close") (param i32 i32) ${say('down')} (call $status (local.get 1)))
      (func (export "proxy_on_upstream_connection_close") (param i32 i32) ${say('up')} (call $status (local.get 1)))
      (func (export "proxy_on_done") (param i32) (result i32) ${say('done')} (i32.const 0))
      (func (export "proxy_on_log") (param i32) ${say('log')}) (func (export "proxy_on_delete") (param i32) ${say('delete')})`)
    assert.equal(context.onNewConnection(), 0)
    connection.downstreamData = BodyBuffer.of('ping')
    assert.equal(context.onDownstreamData(4, false), 1)
    connection.upstreamData = BodyBuffer.of('pong')
    assert.equal(context.onUpstreamData(4, true), 0)
    context.onUpstreamClose(2)
    context.onDownstreamClose(1)
    context.onDownstreamClose(1)
    context.end()
    context.end()
    assert.deepEqual(logs(), [
      'new',
      'ping',
      'status 00',
      'pong',
      'up',
      'status 02',
      'down',
      'status 01',
      'done',
      'log',
      'delete',
    ])
  })

  it('continues and closes its own streams only (Envoy)', () => {
    const ask = (name: string, type: number) => `(call $status (call $proxy_${name}_stream (i32.const ${type})))`
    const { context, connection, logs } = start(
      `(func (export "proxy_on_new_connection") (param i32) (result i32)
        ${[0, 1, 2, 3].map((t) => ask('continue', t)).join('')} ${[0, 2, 3].map((t) => ask('close', t)).join('')} (i32.const 1))`,
    )
    context.onNewConnection()
    assert.deepEqual(
      logs(),
      ['02', '02', '00', '12', '02', '00', '00'].map((n) => `status ${n}`),
    )
    assert.deepEqual(connection.done, ['close downstream', 'close upstream'])
  })

  for (const [failurePolicy, status, done] of [
    ['FAIL_CLOSED', 1, 'close downstream'],
    ['FAIL_OPEN', 0, 'failed'],
  ] as const) {
    it(`${failurePolicy} after a trap`, () => {
      const { context, connection } = start(
        '(func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32) unreachable)',
        { failurePolicy },
      )
      assert.equal(context.onDownstreamData(1, false), status)
      assert.equal(connection.done.at(-1), done)
      assert.equal(context.onDownstreamData(1, false), status)
    })
  }
})
