import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import type { StoreEvent } from './entry.ts'
import { Store } from './store.ts'

const object = (name: string, data: object = {}) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data })

describe('the store', () => {
  test('one counter for everything; what is stored carries it; nothing stored is changed by a write', () => {
    const store = new Store(':memory:')
    const first = store.put('configmaps', 'a', 'x', object('x'))
    const other = store.put('secrets', 'a', 'x', object('x'))
    const second = store.put('configmaps', 'a', 'x', object('x', { n: 1 }))
    assert.deepEqual([other.rv, second.rv], [first.rv + 1, first.rv + 2])
    assert.equal(second.object.metadata.resourceVersion, String(second.rv))
    assert.deepEqual(first.object['data'], {})
    const gone = store.remove(second)
    assert.equal(gone.rv, second.rv + 1)
    assert.equal(store.version, gone.rv)
    store.close()
  })

  test('events are numbered, kept, and finally compacted', () => {
    const store = new Store(':memory:')
    const seen: StoreEvent[] = []
    store.table('configmaps').watchers.add((event) => seen.push(event))
    const start = store.version
    for (let i = 0; i < 10; i++) store.put('configmaps', '', 'x', object('x', { i }))
    const table = store.table('configmaps')
    assert.deepEqual(table.since(start), seen)
    assert.deepEqual(table.since(start + 4), seen.slice(4))
    assert.deepEqual(table.since(store.version), [])
    for (let i = 0; i < 2048; i++) store.put('configmaps', '', 'x', object('x', { i: -i }))
    assert.equal(table.since(start), undefined)
    const recent = table.since(store.version - 1000)
    assert.equal(recent?.length, 1000)
    assert.deepEqual(recent, seen.slice(-1000))
    store.close()
  })

  test('a list is a snapshot by namespace and name', () => {
    const store = new Store(':memory:')
    for (const [namespace, name] of [
      ['b', 'a'],
      ['a', 'b'],
      ['a', 'a-b'],
      ['a', 'a'],
    ])
      store.put('configmaps', namespace, name, object(name))
    const { sorted } = store.table('configmaps')
    assert.deepEqual(
      sorted.map((entry) => `${entry.namespace}/${entry.name}`),
      ['a/a', 'a/a-b', 'a/b', 'b/a'],
    )
    store.put('configmaps', 'a', 'c', object('c'))
    assert.equal(sorted.length, 4)
    assert.equal(store.table('configmaps').sorted.length, 5)
    store.close()
  })

  test('a batch is seen as a whole, and not at all when it fails', () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-store-'))
    const store = new Store(dir)
    let during = -1
    const seen: number[] = []
    store.observe((event) => seen.push(event.rv))
    store.batch(() => {
      store.put('configmaps', '', 'a', object('a'))
      store.put('configmaps', '', 'b', object('b'))
      during = seen.length
    })
    assert.deepEqual([during, seen.length], [0, 2])
    assert.throws(() =>
      store.batch(() => {
        store.put('configmaps', '', 'c', object('c'))
        throw new Error('no')
      }),
    )
    store.close()
    const again = new Store(dir)
    assert.deepEqual(
      again.table('configmaps').sorted.map((entry) => entry.name),
      ['a', 'b'],
    )
    assert.equal(again.version, seen[1])
    again.close()
    rmSync(dir, { recursive: true })
  })

  test('one process has the folder to itself, and a newer format is left alone', () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-store-'))
    const store = new Store(dir)
    assert.throws(() => new Store(dir), /database is locked/)
    store.close()
    const db = new DatabaseSync(join(dir, 'apiserver.db'))
    db.exec('PRAGMA user_version = 99')
    db.close()
    assert.throws(() => new Store(dir), /written by a newer version/)
    rmSync(dir, { recursive: true })
  })
})
