import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Pod, Service, ServicePort } from '../types.ts'
import { readyAddresses, slicesOf } from './slices.ts'

const service = (ports: ServicePort[], more: object = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'ns', uid: 'u', labels: { team: 'a' } },
  spec: { selector: { app: 'web' }, ports, ...more },
})
const pod = (
  ip: string | undefined,
  more: { ready?: boolean; named?: number; deleted?: boolean; phase?: string; ns?: string } = {},
): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `p-${ip}`,
    namespace: more.ns ?? 'ns',
    uid: `uid-${ip}`,
    labels: { app: 'web' },
    ...(more.deleted === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  },
  spec: {
    nodeName: 'sluice',
    containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: more.named ?? 8080 }] }],
  },
  status: {
    phase: (more.phase ?? 'Running') as 'Running',
    ...(ip === undefined ? {} : { podIP: ip }),
    conditions: [{ type: 'Ready', status: more.ready === false ? 'False' : 'True' }],
  },
})
const ready = (endpoint: unknown) => (endpoint as { conditions: { ready: boolean } }).conditions.ready

describe('EndpointSlices', () => {
  test('hold the Pods of the selector with their state', () => {
    const pods = [
      pod('127.1.0.1'),
      pod('127.1.0.2', { ready: false }),
      pod('127.1.0.3', { deleted: true }),
      pod('127.1.0.4', { phase: 'Succeeded' }),
      pod('127.1.0.5', { ns: 'other' }),
      pod(undefined),
    ]
    const [slice, ...others] = slicesOf(
      service([{ name: 'http', port: 80, targetPort: 9080, appProtocol: 'http' }]),
      pods,
    )
    assert.equal(others.length, 0)
    assert.match(slice.metadata.name, /^web-[a-z0-9]{5}$/)
    assert.deepEqual(slice.metadata.labels, {
      team: 'a',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      'kubernetes.io/service-name': 'web',
    })
    assert.deepEqual(slice['ports'], [{ name: 'http', port: 9080, protocol: 'TCP', appProtocol: 'http' }])
    assert.deepEqual(slice['endpoints'], [
      {
        addresses: ['127.1.0.1'],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: 'sluice',
        targetRef: { kind: 'Pod', name: 'p-127.1.0.1', namespace: 'ns', uid: 'uid-127.1.0.1' },
      },
      {
        addresses: ['127.1.0.2'],
        conditions: { ready: false, serving: false, terminating: false },
        nodeName: 'sluice',
        targetRef: { kind: 'Pod', name: 'p-127.1.0.2', namespace: 'ns', uid: 'uid-127.1.0.2' },
      },
      {
        addresses: ['127.1.0.3'],
        conditions: { ready: false, serving: true, terminating: true },
        nodeName: 'sluice',
        targetRef: { kind: 'Pod', name: 'p-127.1.0.3', namespace: 'ns', uid: 'uid-127.1.0.3' },
      },
    ])
  })

  test('are one for each way in which a named port comes out', () => {
    const named = service([{ name: 'w', port: 80, targetPort: 'http' }])
    const slices = slicesOf(named, [
      pod('127.1.0.1', { named: 1 }),
      pod('127.1.0.2', { named: 2 }),
      pod('127.1.0.3', { named: 1 }),
    ])
    assert.deepEqual(
      slices.map((each) => [each['ports'][0].port, each['endpoints'].length]),
      [
        [1, 2],
        [2, 1],
      ],
    )
    assert.notEqual(slices[0].metadata.name, slices[1].metadata.name)
  })

  test('of a Service without Pods there is one, with its ports', () => {
    const [slice] = slicesOf(service([{ port: 9080 }]), [])
    assert.deepEqual([slice['ports'], slice['endpoints']], [[{ name: '', port: 9080, protocol: 'TCP' }], []])
    assert.equal(slicesOf(service([{ port: 9080 }]), [pod('127.1.0.1')])[0].metadata.name, slice.metadata.name)
  })

  test('a headless Service is marked, and one may publish what is not ready', () => {
    const [slice] = slicesOf(service([{ port: 1 }], { clusterIP: 'None', publishNotReadyAddresses: true }), [
      pod('127.1.0.1', { ready: false }),
    ])
    assert.equal(slice.metadata.labels?.['service.kubernetes.io/headless'], '')
    assert.equal(ready(slice['endpoints'][0]), true)
  })
})

test('new requests go to what is ready, on the port of each Pod', () => {
  const named = service([
    { name: 'a', port: 80, targetPort: 'http' },
    { name: 'b', port: 81 },
  ])
  const pods = [
    pod('127.1.0.1', { named: 1 }),
    pod('127.1.0.2', { named: 2 }),
    pod('127.1.0.3', { ready: false }),
    pod('127.1.0.4', { deleted: true }),
  ]
  assert.deepEqual(readyAddresses(named, 80, pods), [
    { ip: '127.1.0.1', port: 1 },
    { ip: '127.1.0.2', port: 2 },
  ])
  assert.deepEqual(readyAddresses(named, 81, pods), [
    { ip: '127.1.0.1', port: 81 },
    { ip: '127.1.0.2', port: 81 },
  ])
  assert.deepEqual(readyAddresses(named, 82, pods), [])
})
