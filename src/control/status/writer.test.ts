import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeClient, KubeObject } from '../../kube/index.ts'
import { settle } from '../../xds/testing.ts'
import { Kinds } from '../kinds.ts'
import { stamp } from './stamp.ts'
import { StatusWriter } from './writer.ts'

function fake(failures = 0) {
  const bodies: { status: Record<string, unknown> }[] = []
  const gates: (() => void)[] = []
  const kube = {
    async patch(_type: unknown, _target: unknown, _kind: unknown, body: { status: Record<string, unknown> }) {
      await new Promise<void>((resolve) => gates.push(resolve))
      bodies.push(body)
      if (failures-- > 0) throw new Error('no')
    },
  } as unknown as KubeClient
  const writer = new StatusWriter(kube, () => new Date('2026-01-01T00:00:00Z'))
  const next = async () => {
    await settle()
    gates.shift()?.()
    await settle()
  }
  return { writer, bodies, gates, next }
}

function object(status?: object): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'X',
    metadata: { name: 'x', namespace: 'n', uid: 'u' },
    ...(status ? { status } : {}),
  }
}

const ready = (status: string) => ({ conditions: [{ type: 'Ready', status, reason: 'R', message: '' }] })

test('what is stored is not written again', async () => {
  const { writer, bodies, next } = fake()
  writer.write(Kinds.trafficExtension, object(), ready('True'))
  await next()
  writer.write(Kinds.trafficExtension, object(), ready('True'))
  await next()
  assert.equal(bodies.length, 1)
})

test('what the object has already, from an earlier life of ours, is not written', async () => {
  const { writer, bodies, next } = fake()
  const conditions = [
    { message: '', type: 'Ready', status: 'True', reason: 'R', lastTransitionTime: '2025-01-01T00:00:00Z' },
  ]
  writer.write(Kinds.trafficExtension, object({ conditions, other: 1 }), { ...ready('True'), gone: null })
  await next()
  assert.equal(bodies.length, 0)
})

test('wishes during a write come down to the last', async () => {
  const { writer, bodies, next } = fake()
  for (const status of ['True', 'False', 'Unknown', 'False']) {
    writer.write(Kinds.trafficExtension, object(), ready(status))
    await settle()
  }
  await next()
  await next()
  await next()
  assert.deepEqual(
    bodies.map(({ status }) => (status['conditions'] as { status: string }[])[0].status),
    ['True', 'False'],
  )
})

test('a failed write is not repeated at once, but another wish goes through', async () => {
  const { writer, bodies, next } = fake(1)
  writer.write(Kinds.trafficExtension, object(), ready('True'))
  await next()
  writer.write(Kinds.trafficExtension, object(), ready('True'))
  await next()
  assert.equal(bodies.length, 1)
  writer.write(Kinds.trafficExtension, object(), ready('False'))
  await next()
  assert.equal(bodies.length, 2)
  writer.stop()
})

test('an object made anew under the same name is another', async () => {
  const { writer, bodies, next } = fake()
  writer.write(Kinds.trafficExtension, object(), ready('True'))
  await next()
  const again = object()
  again.metadata.uid = 'v'
  writer.write(Kinds.trafficExtension, again, ready('True'))
  await next()
  assert.equal(bodies.length, 2)
})

test('transition times stay while the status stays, in nested lists too', () => {
  const old = '2025-01-01T00:00:00Z'
  const now = '2026-01-01T00:00:00Z'
  const before = {
    conditions: [{ type: 'A', status: 'True', lastTransitionTime: old }],
    listeners: [
      { name: 'y', conditions: [] },
      { name: 'x', conditions: [{ type: 'A', status: 'True', lastTransitionTime: old }] },
    ],
  }
  const wanted = {
    conditions: [{ type: 'A', status: 'False' }],
    listeners: [{ name: 'x', conditions: [{ type: 'A', status: 'True' }] }],
  }
  assert.deepEqual(stamp(wanted, before, now), {
    conditions: [{ type: 'A', status: 'False', lastTransitionTime: now }],
    listeners: [{ name: 'x', conditions: [{ type: 'A', status: 'True', lastTransitionTime: old }] }],
  })
})
