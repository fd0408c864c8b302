import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Condition } from '../../kube/index.ts'
import { type Connection, type ExtensionReport, type Outcome, TypeUrl } from '../../xds/index.ts'
import { type Extension, filterName } from '../model/extension.ts'
import { extension } from '../testing.ts'
import { DeliveryLog } from './delivery.ts'
import { extensionStatus, type ProxyView } from './extension-status.ts'

const subject = extension({ wasm: { url: 'oci://x/y' } }, { name: 'auth', namespace: 'ns' })
const NAME = filterName(subject)
const DIGEST = `sha256:${'a'.repeat(64)}`

function outcome(typeUrl: string, version = '1', names = [NAME]): Outcome {
  return { connection: {} as Connection, typeUrl, version, nonce: version, names }
}

/** A proxy that got listeners and extension, with what it answered. */
function proxy(name: string, answers: { lds?: string; ecds?: string; report?: Partial<ExtensionReport> }): ProxyView {
  const delivery = new DeliveryLog()
  for (const [typeUrl, answer] of [
    [TypeUrl.listener, answers.lds],
    [TypeUrl.extension, answers.ecds],
  ] as const) {
    delivery.onPush(outcome(typeUrl))
    if (answer === 'ack') delivery.onAck(outcome(typeUrl))
    else if (answer !== undefined) delivery.onNack({ ...outcome(typeUrl), error: answer, blamed: [NAME] })
  }
  if (answers.report !== undefined)
    delivery.setReports([{ name: NAME, version: '1', state: 'ready', ...answers.report }])
  return { name, delivery }
}

function brief(proxies: ProxyView[], of: Extension = subject, refs?: { reason: string; message: string }) {
  const status = extensionStatus(of, refs, proxies)
  const find = (type: string) => status.conditions.find((condition) => condition.type === type) as Condition
  const text = (type: string) => `${find(type).status} ${find(type).reason}`
  return { status, module: text('ModuleReady'), programmed: text('Programmed'), ready: text('Ready'), find }
}

test('all proxies ready: counts and digest', () => {
  const answers = { lds: 'ack', ecds: 'ack', report: { digest: DIGEST } }
  const { status, module, programmed, ready, find } = brief([proxy('a', answers), proxy('b', answers)])
  assert.deepEqual([module, programmed, ready], ['True Ready', 'True Programmed', 'True Ready'])
  assert.equal(find('Programmed').message, '2 of 2 proxies')
  assert.equal(status.digest, DIGEST)
  assert.deepEqual(status.proxies, { attached: 2, ready: 2 })
})

test('no proxy', () => {
  const { module, programmed, ready } = brief([])
  assert.deepEqual(
    [module, programmed, ready],
    ['Unknown NoMatchingProxies', 'False NoMatchingProxies', 'False NoMatchingProxies'],
  )
})

test('one of two failed: False, with its name, code and cause', () => {
  const failed = { state: 'failed', code: 'SL3006', message: 'no such tag' } as const
  const good = proxy('a', { lds: 'ack', ecds: 'ack', report: {} })
  const { module, ready, find, status } = brief([good, proxy('b', { lds: 'ack', ecds: 'ack', report: failed })])
  assert.deepEqual([module, ready], ['False ModuleNotFound', 'False ModuleNotFound'])
  assert.equal(find('ModuleReady').message, '1 of 2 proxies: b: SL3006: no such tag')
  assert.deepEqual(status.proxies, { attached: 2, ready: 1 })
})

test('a NACK of the extension is about the module; one of the listener is not', () => {
  const ecds = brief([proxy('a', { lds: 'ack', ecds: 'SL3024: start trapped' })])
  assert.deepEqual([ecds.module, ecds.programmed], ['False StartFailed', 'False Rejected'])
  const lds = brief([proxy('a', { lds: 'bad listener', ecds: 'ack', report: {} })])
  assert.deepEqual([lds.module, lds.programmed, lds.ready], ['True Ready', 'False Rejected', 'False Rejected'])
  assert.match(lds.find('Programmed').message, /a: bad listener/)
})

test('an answer to what stands in for a module does not count, and causes of tries are told', () => {
  const trying = brief([proxy('a', { lds: 'ack', ecds: 'ack', report: { state: 'fetching' } })])
  assert.deepEqual([trying.module, trying.programmed], ['Unknown Pending', 'Unknown Pending'])
  const cause = { state: 'fetching', code: 'SL3003', message: 'no such host' } as const
  const failing = brief([proxy('a', { lds: 'ack', ecds: 'ack', report: cause })])
  assert.deepEqual([failing.module, failing.programmed], ['False Unreachable', 'False ModuleNotReady'])
  assert.match(failing.find('ModuleReady').message, /a: SL3003: no such host: trying again/)
})

test('nothing answered yet', () => {
  const { module, programmed, ready } = brief([proxy('a', {})])
  assert.deepEqual([module, programmed, ready], ['Unknown Pending', 'Unknown Pending', 'Unknown Pending'])
})

test('an agent that does not report leaves the module unknown and the extension ready', () => {
  const { module, ready } = brief([proxy('a', { lds: 'ack', ecds: 'ack' })])
  assert.deepEqual([module, ready], ['Unknown NotReported', 'True Ready'])
})

test('a report about a former edit does not count', () => {
  const answers = {
    lds: 'ack',
    ecds: 'ack',
    report: { state: 'failed', resourceVersion: 'old', message: 'x' },
  } as const
  assert.equal(brief([proxy('a', answers)]).module, 'Unknown Pending')
})

test('Lua needs no module', () => {
  const lua = extension({ lua: { inlineCode: 'x' } }, { name: 'auth', namespace: 'ns' })
  const { module, ready } = brief([proxy('a', { lds: 'ack' })], lua)
  assert.deepEqual([module, ready], ['True Inline', 'True Ready'])
})

test('an invalid object and a missing reference come before everything else', () => {
  const invalid = extension({ wasm: { url: 'ftp://x' } })
  assert.equal(brief([], invalid).ready, 'False Invalid')
  const refs = { reason: 'SecretNotFound', message: 'no secret' }
  assert.equal(
    brief([proxy('a', { lds: 'ack', ecds: 'ack', report: {} })], subject, refs).ready,
    'False SecretNotFound',
  )
})

test('an answer to an older response says nothing about the newer', () => {
  const { name, delivery } = proxy('a', { lds: 'ack' })
  delivery.onPush(outcome(TypeUrl.extension, '2'))
  delivery.onAck(outcome(TypeUrl.extension, '1'))
  assert.equal(delivery.extension(NAME).state, 'pending')
  delivery.onAck(outcome(TypeUrl.extension, '2'))
  assert.equal(delivery.extension(NAME).state, 'accepted')
  delivery.expect(TypeUrl.extension, [NAME])
  assert.equal(brief([{ name, delivery }]).programmed, 'Unknown Pending')
})

test('a failure is new once', () => {
  const delivery = new DeliveryLog()
  const report: ExtensionReport = { name: NAME, version: '1', state: 'failed' }
  assert.equal(delivery.setReports([report]).length, 1)
  assert.equal(delivery.setReports([report]).length, 0)
  assert.equal(delivery.setReports([{ ...report, version: '2' }]).length, 1)
  assert.equal(delivery.setReports([{ ...report, version: '2', state: 'ready' }]).length, 0)
})
