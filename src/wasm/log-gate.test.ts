import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HostServices, LocalSharedStore, type PluginIdentity, systemClock } from './index.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { LogGate } from './log-gate.ts'

const first: PluginIdentity = { name: 'first', rootId: '', vmId: '' }
const second: PluginIdentity = { name: 'second', rootId: '', vmId: '' }

function gate() {
  const counted: [string, string, number | undefined][] = []
  const lines: string[] = []
  const pending: (() => void)[] = []
  let now = 0
  const services: HostServices = {
    shared: new LocalSharedStore(),
    metrics: { define: () => assert.fail() },
    clusters: { has: () => false, httpCall: () => undefined, grpcCall: () => undefined, grpcStream: () => undefined },
    log: { level: 0, log: (_level, line) => lines.push(line) },
    clock: { ...systemClock, monotonicMs: () => now },
    timers: {
      after: (_ms, callback) => {
        pending.push(callback)
        return () => {}
      },
    },
    attribute: () => undefined,
    count: (plugin, event, times) => counted.push([plugin, event, times]),
  }
  const made = new LogGate(services, { ...DEFAULT_LIMITS, logBurst: 2, logsPerSecond: 10 })
  return {
    counted,
    lines,
    flood: (plugin: PluginIdentity, count: number) => {
      for (let i = 0; i < count; i++) made.writeText('info', 'a line', plugin)
    },
    pass: (ms: number) => {
      now += ms
      for (const callback of pending.splice(0)) callback()
    },
  }
}

test('the lines of a flood are counted together', () => {
  const { counted, flood, pass, lines } = gate()
  flood(first, 1002)
  assert.equal(lines.length, 2)
  assert.deepEqual(counted, [])
  pass(100)
  assert.deepEqual(counted, [['first', 'logs_dropped', 1000]])
})

test('each plugin of a VM has its own lines counted', () => {
  const { counted, flood, pass } = gate()
  flood(first, 5)
  flood(second, 4)
  flood(first, 1)
  pass(100)
  assert.deepEqual(counted, [
    ['first', 'logs_dropped', 3],
    ['second', 'logs_dropped', 4],
    ['first', 'logs_dropped', 1],
  ])
})

test('what was dropped is told before the next line', () => {
  const { flood, pass, lines } = gate()
  flood(first, 7)
  pass(100)
  flood(first, 1)
  assert.deepEqual(lines, ['a line', 'a line', '5 log lines were dropped (logsPerSecond)', 'a line'])
})
