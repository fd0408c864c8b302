import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeProtobuf, ProtobufError } from './decode.ts'

/** A writer for tests: what Go's gogo-protobuf would put on the wire. */
function varint(value: number | bigint): number[] {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0))
    rest >>= 7n
  } while (rest > 0n)
  return bytes
}
const bytes = (number: number, data: readonly number[]) => [
  ...varint((number << 3) | 2),
  ...varint(data.length),
  ...data,
]
const text = (number: number, value: string) => bytes(number, [...Buffer.from(value)])
const int = (number: number, value: number) => [...varint(number << 3), ...varint(value)]
const body = (apiVersion: string, kind: string, raw: number[]) =>
  Buffer.from([
    0x6b,
    0x38,
    0x73,
    0,
    ...bytes(1, [...text(1, apiVersion), ...text(2, kind)]),
    ...bytes(2, raw),
    ...text(4, ''),
  ])

describe('Kubernetes protobuf', () => {
  test('a config map with its metadata, without what Go writes for nothing', () => {
    const metadata = [
      ...text(1, 'c'),
      ...text(2, ''),
      ...text(3, 'ns'),
      ...text(5, ''),
      ...int(7, 0),
      ...bytes(8, []),
      ...bytes(11, [...text(1, 'k'), ...text(2, 'v')]),
    ]
    const raw = [
      ...bytes(1, metadata),
      ...bytes(2, [...text(1, 'a'), ...text(2, '1')]),
      ...bytes(2, [...text(1, 'empty'), ...text(2, '')]),
    ]
    assert.deepEqual(decodeProtobuf(body('v1', 'ConfigMap', raw)), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c', namespace: 'ns', labels: { k: 'v' } },
      data: { a: '1', empty: '' },
    })
  })

  test('pointers keep their zero, other fields lose it, and fields that are always there have it', () => {
    const raw = bytes(2, [
      ...int(1, 0),
      ...int(5, 0),
      ...bytes(3, bytes(2, bytes(2, [...text(1, 'c'), ...bytes(6, [...int(2, 0), ...int(3, 80)]), ...bytes(6, [])]))),
    ])
    assert.deepEqual(decodeProtobuf(body('apps/v1', 'Deployment', raw))['spec'], {
      replicas: 0,
      template: { spec: { containers: [{ name: 'c', ports: [{ containerPort: 80 }, { containerPort: 0 }] }] } },
    })
  })

  test('embedded structs belong to their parent; int-or-string, quantities, bytes, times', () => {
    const probe = [
      ...bytes(1, bytes(2, [...text(1, '/ok'), ...bytes(2, [...int(1, 0), ...int(2, 8080)])])),
      ...int(2, 5),
    ]
    const limits = bytes(1, [...text(1, 'cpu'), ...bytes(2, text(1, '100m'))])
    const container = [...text(1, 'c'), ...bytes(11, probe), ...bytes(8, limits)]
    const volume = [...text(1, 'v'), ...bytes(2, bytes(2, []))]
    const spec = [...bytes(1, volume), ...bytes(2, container)]
    const metadata = bytes(1, bytes(8, [...int(1, 1767225600), ...int(2, 5)]))
    const pod = decodeProtobuf(body('v1', 'Pod', [...metadata, ...bytes(2, spec)]))
    assert.deepEqual(pod['metadata'], { creationTimestamp: '2026-01-01T00:00:00Z' })
    assert.deepEqual(pod['spec'], {
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        {
          name: 'c',
          readinessProbe: { httpGet: { path: '/ok', port: 8080 }, initialDelaySeconds: 5 },
          resources: { limits: { cpu: '100m' } },
        },
      ],
    })
    const secret = decodeProtobuf(
      body('v1', 'Secret', [...bytes(2, [...text(1, 'k'), ...bytes(2, [0xff, 0])]), ...text(3, 'Opaque')]),
    )
    assert.deepEqual(secret, { apiVersion: 'v1', kind: 'Secret', data: { k: '/wA=' }, type: 'Opaque' })
  })

  test('options are known in every group; negative numbers; fields of the future', () => {
    const raw = [...varint(1 << 3), ...varint(-1), ...text(4, 'Foreground'), ...text(99, 'new'), ...text(5, 'All')]
    const options = decodeProtobuf(body('extensions.istio.io/v1alpha1', 'DeleteOptions', raw))
    assert.deepEqual(
      [options['gracePeriodSeconds'], options['propagationPolicy'], options['dryRun']],
      [-1, 'Foreground', ['All']],
    )
  })

  test('kinds that cannot be read are refused', () => {
    for (const [version, kind] of [
      ['v1', 'Nonsense'],
      ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
      ['batch/v1', 'Job'],
    ]) {
      assert.throws(() => decodeProtobuf(body(version, kind, [])), ProtobufError)
    }
  })

  test('garbage ends in a RangeError or a ProtobufError, never in a hang', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('Pod', 'Service', 'Event'), (raw, kind) => {
        try {
          decodeProtobuf(body('v1', kind, [...raw]))
        } catch (error) {
          assert.ok(
            error instanceof RangeError || error instanceof ProtobufError || error instanceof SyntaxError,
            String(error),
          )
        }
      }),
    )
  })
})
