/** Defaults and rules of built-in kinds; the sentences are those of Kubernetes' validation. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clone } from '../json.ts'
import type { Kind } from '../kind.ts'
import type { ApiObject } from '../object.ts'
import { deploymentKind } from './apps.ts'
import { configMapKind, secretKind } from './config.ts'
import { endpointSliceKind } from './endpoints.ts'
import { eventKind, eventsKind } from './event.ts'
import { builtinKinds } from './index.ts'
import { podKind } from './pod.ts'
import { serviceKind } from './service.ts'

const context = { allocateClusterIP: (wanted: string | undefined) => wanted ?? '10.96.0.9' }

function object(kind: Kind, content: object): ApiObject {
  return {
    apiVersion: kind.group === '' ? 'v1' : `${kind.group}/v1`,
    kind: kind.kind,
    metadata: { name: 'x' },
    ...clone(content),
  }
}

function prepared(kind: Kind, content: object, old?: object): ApiObject {
  const made = object(kind, content)
  kind.behaviour.prepare?.(made, old === undefined ? undefined : object(kind, old), context)
  return made
}

/** `field: message` of what is wrong. */
function problems(kind: Kind, content: object, old?: object): string[] {
  const before = old === undefined ? undefined : prepared(kind, old)
  const made = object(kind, content)
  kind.behaviour.prepare?.(made, before, context)
  return (kind.behaviour.validate?.(made, before) ?? []).map(({ field, message }) => `${field}: ${message}`)
}

const container = { name: 'c', image: 'nginx:1' }
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [container] } }
const selector = { matchLabels: { a: 'b' } }

test('every kind is served under its own name, and its schema knows metadata', () => {
  const names = builtinKinds.map((kind) => `${kind.plural}.${kind.group}`)
  assert.equal(new Set(names).size, names.length)
  for (const kind of builtinKinds) assert.ok(kind.versions[0].schema.openapi.properties?.['metadata'], kind.kind)
})

describe('defaults', () => {
  test('of pods', () => {
    const { spec, status } = prepared(podKind, {
      spec: {
        containers: [
          { name: 'c', image: 'nginx', ports: [{ containerPort: 80 }], readinessProbe: { httpGet: { port: 80 } } },
          { name: 'd', image: 'r:5000/x@sha256:00' },
        ],
        volumes: [{ name: 'v', secret: { secretName: 's' } }, { name: 'w' }],
      },
    })
    assert.equal(spec.restartPolicy, 'Always')
    assert.equal(spec.terminationGracePeriodSeconds, 30)
    assert.equal(spec.serviceAccountName, 'default')
    assert.equal(spec.containers[0].imagePullPolicy, 'Always', 'no tag is :latest')
    assert.equal(spec.containers[1].imagePullPolicy, 'IfNotPresent', 'a port is no tag, a digest is never latest')
    assert.deepEqual(spec.containers[0].ports, [{ containerPort: 80, protocol: 'TCP' }])
    assert.deepEqual(spec.containers[0].readinessProbe, {
      httpGet: { port: 80, path: '/', scheme: 'HTTP' },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    })
    assert.deepEqual(spec.volumes, [
      { name: 'v', secret: { secretName: 's', defaultMode: 420 } },
      { name: 'w', emptyDir: {} },
    ])
    assert.equal(status.phase, 'Pending')
  })

  test('of deployments', () => {
    const { spec } = prepared(deploymentKind, { spec: { selector, template } })
    assert.equal(spec.replicas, 1)
    assert.deepEqual(spec.strategy, {
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' },
    })
    assert.equal(prepared(deploymentKind, { spec: { replicas: 0, selector, template } })['spec'].replicas, 0)
    const { strategy } = prepared(deploymentKind, { spec: { selector, template, strategy: { type: 'Recreate' } } })[
      'spec'
    ]
    assert.deepEqual(strategy, { type: 'Recreate' })
  })

  test('of services and secrets', () => {
    const { spec } = prepared(serviceKind, { spec: { ports: [{ port: 80 }], selector: { a: 'b' } } })
    assert.deepEqual(
      [spec.type, spec.clusterIP, spec.clusterIPs, spec.ports[0].targetPort],
      ['ClusterIP', '10.96.0.9', ['10.96.0.9'], 80],
    )
    const secret = prepared(secretKind, { data: { a: 'eA==' }, stringData: { b: 'y', a: 'z' } })
    assert.deepEqual(
      [secret['data'], secret['stringData'], secret['type']],
      [{ a: 'eg==', b: 'eQ==' }, undefined, 'Opaque'],
    )
  })
})

describe('rules', () => {
  const slice = { addressType: 'IPv4', endpoints: [] }
  const cases: [string, Kind, object, object | undefined, RegExp][] = [
    [
      'a pod without containers',
      podKind,
      { spec: { containers: [] } },
      undefined,
      /^spec\.containers: Required value$/,
    ],
    [
      'a container without an image',
      podKind,
      { spec: { containers: [{ name: 'c' }] } },
      undefined,
      /^spec\.containers\[0\]\.image: Required value$/,
    ],
    [
      'a container name',
      podKind,
      { spec: { containers: [{ ...container, name: 'C_1' }] } },
      undefined,
      /^spec\.containers\[0\]\.name: Invalid value: "C_1": a lowercase RFC 1123 label must/,
    ],
    [
      'a name twice',
      podKind,
      { spec: { initContainers: [container], containers: [container] } },
      undefined,
      /^spec\.containers\[0\]\.name: Duplicate value: "c"$/,
    ],
    [
      'a mount of no volume',
      podKind,
      { spec: { containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/x' }] }] } },
      undefined,
      /^spec\.containers\[0\]\.volumeMounts\[0\]\.name: Not found: "v"$/,
    ],
    [
      'a port',
      podKind,
      { spec: { containers: [{ ...container, ports: [{ containerPort: 70000 }] }] } },
      undefined,
      /containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive$/,
    ],
    [
      'a restart policy',
      podKind,
      { spec: { containers: [container], restartPolicy: 'Sometimes' } },
      undefined,
      /^spec\.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"$/,
    ],
    [
      'a pod stays as it is',
      podKind,
      { spec: { containers: [{ ...container, command: ['x'] }] } },
      { spec: { containers: [container] } },
      /^spec: Forbidden: pod updates may not change fields other than/,
    ],
    [
      'a selector that selects something else',
      deploymentKind,
      { spec: { selector: { matchLabels: { a: 'c' } }, template } },
      undefined,
      /^spec\.template\.metadata\.labels: Invalid value: \{"a":"b"\}: `selector` does not match template `labels`$/,
    ],
    [
      'a selector stays',
      deploymentKind,
      { spec: { selector: { matchLabels: {} }, template } },
      { spec: { selector, template } },
      /^spec\.selector: Invalid value: .*: field is immutable$/,
    ],
    [
      'replicas',
      deploymentKind,
      { spec: { replicas: -1, selector, template } },
      undefined,
      /^spec\.replicas: Invalid value: -1: must be greater than or equal to 0$/,
    ],
    ['a service without ports', serviceKind, { spec: {} }, undefined, /^spec\.ports: Required value$/],
    [
      'two ports without names',
      serviceKind,
      { spec: { ports: [{ port: 1, name: 'a' }, { port: 2 }] } },
      undefined,
      /^spec\.ports\[1\]\.name: Required value$/,
    ],
    [
      'a protocol',
      serviceKind,
      { spec: { ports: [{ port: 1, protocol: 'HTTP' }] } },
      undefined,
      /^spec\.ports\[0\]\.protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"$/,
    ],
    [
      'a type',
      serviceKind,
      { spec: { type: 'Public', ports: [{ port: 1 }] } },
      undefined,
      /^spec\.type: Unsupported value: "Public"/,
    ],
    [
      'an external name',
      serviceKind,
      { spec: { type: 'ExternalName' } },
      undefined,
      /^spec\.externalName: Required value$/,
    ],
    [
      'data that is not base64',
      secretKind,
      { data: { a: '%' } },
      undefined,
      /^data\[a\]: Invalid value: "%": illegal base64 data$/,
    ],
    [
      'a TLS secret without its key',
      secretKind,
      { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } },
      undefined,
      /^data\[tls\.key\]: Required value$/,
    ],
    [
      'a secret keeps its type',
      secretKind,
      { type: 'b' },
      { type: 'a' },
      /^type: Invalid value: "b": field is immutable$/,
    ],
    [
      'a key',
      configMapKind,
      { data: { 'a/b': '' } },
      undefined,
      /^data\[a\/b\]: Invalid value: "a\/b": a valid config key must consist/,
    ],
    [
      'a key in both halves',
      configMapKind,
      { data: { a: '' }, binaryData: { a: '' } },
      undefined,
      /^data\[a\]: Duplicate value: "a"$/,
    ],
    [
      'an immutable config map',
      configMapKind,
      { immutable: true, data: { a: '2' } },
      { immutable: true, data: { a: '1' } },
      /^data: Forbidden: field is immutable when `immutable` is set$/,
    ],
    ['immutable stays', configMapKind, {}, { immutable: true }, /^immutable: Forbidden/],
    [
      'an address type',
      endpointSliceKind,
      { ...slice, addressType: 'MAC' },
      undefined,
      /^addressType: Unsupported value: "MAC"/,
    ],
    [
      'an address type stays',
      endpointSliceKind,
      { ...slice, addressType: 'IPv6' },
      slice,
      /^addressType: Invalid value: "IPv6": field is immutable$/,
    ],
  ]
  for (const [name, kind, content, old, expected] of cases) {
    test(name, () => {
      const found = problems(kind, content, old)
      assert.equal(found.length, 1, String(found))
      assert.match(found[0], expected)
    })
  }

  const fine: [string, Kind, object, object?][] = [
    ['a pod', podKind, { spec: { containers: [container] } }],
    [
      'a new image',
      podKind,
      { spec: { containers: [{ ...container, image: 'nginx:2' }] } },
      { spec: { containers: [container] } },
    ],
    [
      'a scheduled pod',
      podKind,
      { spec: { nodeName: 'n', containers: [container] } },
      { spec: { containers: [container] } },
    ],
    ['a headless service without ports', serviceKind, { spec: { clusterIP: 'None' } }],
    ['a pull secret', secretKind, { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': 'e30=' } }],
  ]
  for (const [name, kind, content, old] of fine)
    test(`${name} is fine`, () => assert.deepEqual(problems(kind, content, old), []))
})

test('wrong types and unknown fields, as Go decodes them', () => {
  const { schema } = podKind.versions[0]
  const pod = object(podKind, {
    spec: { containers: [{ ...container, tty: null, nonsense: 1, constructor: 2 }], hostNetwork: true },
    extra: {},
  })
  assert.deepEqual(schema.prune(pod), ['spec.containers[0].nonsense', 'spec.containers[0].constructor', 'extra'])
  assert.deepEqual(pod['spec'], { containers: [container], hostNetwork: true })
  for (const [spec, message] of [
    [{ containers: {} }, 'cannot unmarshal object into Go struct field Pod.spec.containers of type slice'],
    [{ hostNetwork: 'yes' }, 'cannot unmarshal string into Go struct field Pod.spec.hostNetwork of type bool'],
    [{ priority: 1.5 }, 'cannot unmarshal number into Go struct field Pod.spec.priority of type int32'],
  ] as const) {
    assert.throws(
      () => schema.prune(object(podKind, { spec })),
      (error: Error) => error.message.includes(message),
    )
  }
})

test('an event has two forms', () => {
  const event = object(eventKind, { involvedObject: { name: 'p' }, message: 'm', count: 3, source: { component: 'c' } })
  const other = eventsKind.behaviour.toVersion?.(event, 'events.k8s.io', 'v1')
  assert.deepEqual(
    [other?.apiVersion, other?.['regarding'], other?.['note'], other?.['deprecatedCount']],
    ['events.k8s.io/v1', { name: 'p' }, 'm', 3],
  )
  assert.deepEqual(eventKind.behaviour.toVersion?.(other as ApiObject, '', 'v1'), event)
})
