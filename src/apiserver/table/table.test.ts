import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deploymentKind } from '../kinds/apps.ts'
import { podKind } from '../kinds/pod.ts'
import type { ApiObject } from '../object.ts'
import { crdColumns } from './columns.ts'
import { humanDuration } from './duration.ts'
import { jsonPath } from './jsonpath.ts'
import { renderTable } from './render.ts'

describe('durations', () => {
  // apimachinery duration_test.go.
  const second = 1000
  const minute = 60 * second
  const hour = 60 * minute
  const day = 24 * hour
  const cases: [number, string][] = [
    [second, '1s'],
    [70 * second, '70s'],
    [190 * second, '3m10s'],
    [70 * minute, '70m'],
    [47 * hour, '47h'],
    [49 * hour, '2d1h'],
    [8 * day + 2 * hour, '8d'],
    [367 * day, '367d'],
    [365 * 2 * day + 25 * hour, '2y1d'],
    [365 * 8 * day + 2 * hour, '8y'],
    [-2 * second, '<invalid>'],
    [0, '0s'],
  ]
  for (const [time, text] of cases) test(text, () => assert.equal(humanDuration(time), text))
})

describe('JSONPath', () => {
  const object = {
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Other', status: 'False' },
      ],
      'a.b': 1,
    },
    spec: { hosts: ['x', 'y'], nested: [{ ports: [{ n: 1 }, { n: 2 }] }, { ports: [{ n: 3 }] }] },
  }
  const cases: [string, unknown[]][] = [
    ['.spec.hosts', [['x', 'y']]],
    ['.spec.hosts[0]', ['x']],
    ['.spec.hosts[-1]', ['y']],
    ['.spec.hosts[*]', ['x', 'y']],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [".status.conditions[?(@.type=='Ready')].status", ['True']],
    ['.status.conditions[?(@.type!="Ready")].status', ['False']],
    [".status['a.b']", [1]],
    ['.status.a\\.b', [1]],
    ['.spec.nested[*].ports[*].n', [1, 2, 3]],
    ['{.spec.hosts[1]}', ['y']],
    ['.absent.x[0]', []],
    ['.constructor.name', []],
  ]
  for (const [path, found] of cases) test(path, () => assert.deepEqual(jsonPath(path)(object), found))
  for (const bad of ['.a[', '.a[?(@.b', '.a..b', '.a[b]'])
    test(`${bad} is refused`, () => assert.throws(() => jsonPath(bad), SyntaxError))
})

describe('columns', () => {
  const cells = (object: object, columns = podKind.versions[0].columns) =>
    (renderTable([object as ApiObject], columns, 'None', {})['rows'] as { cells: unknown[] }[])[0].cells

  test('a CRD without printer columns shows the age; with them, cells have the type of the column', () => {
    assert.deepEqual(
      crdColumns(undefined).map((c) => c.name),
      ['Name', 'Age'],
    )
    const columns = crdColumns([
      { name: 'S', type: 'string', jsonPath: '.spec.s' },
      { name: 'I', type: 'integer', jsonPath: '.spec.s' },
      { name: 'L', type: 'string', jsonPath: '.spec.l' },
      { name: 'B', type: 'boolean', jsonPath: '.spec.b' },
      { name: 'Absent', type: 'string', jsonPath: '.spec.none' },
      { name: 'D', type: 'date', jsonPath: '.spec.s' },
    ])
    const object = { metadata: { name: 'n' }, spec: { s: 'text', l: ['*'], b: true } }
    assert.deepEqual(cells(object, columns), ['n', 'text', null, '["*"]', true, null, '<invalid>'])
  })

  // printers_test.go, TestPrintPod.
  const pod = (status: object, metadata: object = {}) => ({
    metadata: { name: 'p', ...metadata },
    spec: { containers: [{}, {}] },
    status,
  })
  const running = { ready: true, restartCount: 0, state: { running: {} } }
  const cases: [string, object, [string, string, string]][] = [
    ['phase alone', pod({ phase: 'Pending' }), ['0/2', 'Pending', '0']],
    ['all running', pod({ phase: 'Running', containerStatuses: [running, running] }), ['2/2', 'Running', '0']],
    [
      'waiting has the word',
      pod({
        phase: 'Running',
        containerStatuses: [running, { restartCount: 6, state: { waiting: { reason: 'CrashLoopBackOff' } } }],
      }),
      ['1/2', 'CrashLoopBackOff', '6'],
    ],
    [
      'signal',
      pod({ phase: 'Failed', containerStatuses: [{ restartCount: 0, state: { terminated: { signal: 9 } } }] }),
      ['0/2', 'Signal:9', '0'],
    ],
    [
      'exit code',
      pod({ phase: 'Failed', containerStatuses: [{ restartCount: 0, state: { terminated: { exitCode: 2 } } }] }),
      ['0/2', 'ExitCode:2', '0'],
    ],
    [
      'deleted',
      pod({ phase: 'Running', containerStatuses: [running, running] }, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      ['2/2', 'Terminating', '0'],
    ],
  ]
  for (const [name, object, expected] of cases)
    test(`pod: ${name}`, () => assert.deepEqual(cells(object).slice(1, 4), expected))

  test('a half-filled Deployment is shown all the same', () => {
    assert.deepEqual(cells({ metadata: { name: 'd' } }, deploymentKind.versions[0].columns).slice(0, 4), [
      'd',
      '0/0',
      0,
      0,
    ])
  })
})
