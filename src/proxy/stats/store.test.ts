import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StatsStore } from './store.ts'

test('statistics last as long as somebody who asked for them', () => {
  const store = new StatsStore()
  const names = () => Object.keys(store.snapshot().counters).sort()
  const one = store.owned()
  const two = store.owned()
  one.scope('cluster.a.').counter('x').value = 1
  const kept = two.scope('cluster.a.').scope('y.').counter('z')
  two.scope('cluster.a.b.').counter('x').value = 1
  one.counter('all').value = 1
  assert.deepEqual(names(), ['all', 'cluster.a.b.x', 'cluster.a.x', 'cluster.a.y.z'])
  one.close()
  one.close()
  assert.deepEqual(names(), ['all', 'cluster.a.b.x', 'cluster.a.x', 'cluster.a.y.z'])
  // What is still under way counts where its successor does.
  one.scope('cluster.a.').counter('y.z').value++
  assert.equal(kept.value, 1)
  two.close()
  assert.deepEqual(names(), ['all'])
  one.scope('cluster.a.').counter('x').value++
  assert.deepEqual(names(), ['all'])
  assert.equal(store.owned().scope('cluster.a.').counter('x').value, 0)
})

test('one name in two groups is one sum', () => {
  const store = new StatsStore()
  store.owned().scope('http.a.').counter('lua.errors').value = 1
  store.owned().scope('http.a.lua.').counter('errors').value = 2
  assert.deepEqual(store.snapshot().counters, { 'http.a.lua.errors': 3 })
})

test('a histogram in two groups has the values of both', () => {
  const store = new StatsStore()
  store.owned().scope('cluster.a.').histogram('b.time').record(3)
  store.owned().scope('cluster.a.b.').histogram('time').record(3)
  store.owned().scope('cluster.a.b.').histogram('time').record(30)
  const { counts, sum, count } = store.snapshot().histograms['cluster.a.b.time']
  assert.deepEqual([counts.filter((value) => value > 0), sum, count], [[2, 1], 36, 3])
})

test('named scopes last until they are not kept', () => {
  const store = new StatsStore()
  store.named('sds.a.').counter('x').value++
  store.named('sds.a.').counter('x').value++
  store.named('sds.b.').counter('x').value++
  store.named('other.').counter('x').value++
  store.keepOnly('sds.', new Set(['sds.a.']))
  assert.deepEqual(store.snapshot().counters, { 'sds.a.x': 2, 'other.x': 1 })
})
