import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  call,
  create,
  deployment,
  dir,
  isAlive,
  kube,
  podsOf,
  readyPods,
  remove,
  restart,
  state,
  until,
} from './testing.ts'
import { DEPLOYMENTS, type Deployment, isReady, PODS, SERVICES } from './types.ts'

describe('a Deployment', () => {
  test('becomes Pods with names, owners and addresses, and says so in its status', async () => {
    await deployment('one', { replicas: 2 })
    const all = await until('two ready', async () => {
      const found = await readyPods('one')
      return found.length === 2 && found
    })
    for (const each of all) {
      assert.match(each.metadata.name, /^one-[a-z0-9]{1,10}-[a-z0-9]{5}$/)
      assert.equal(each.metadata.ownerReferences?.[0].name, 'one')
      assert.equal(each.metadata.labels?.['pod-template-hash'], each.metadata.name.split('-')[1])
      assert.equal(each.spec.nodeName, 'sluice')
      assert.equal(each.status?.phase, 'Running')
      const answer = await call(each.status?.podIP)
      assert.equal(answer.host, each.metadata.name)
      assert.equal(answer.ip, each.status?.podIP)
      assert.equal(answer.env['FROM_IMAGE'], 'yes')
    }
    assert.notEqual(all[0].status?.podIP, all[1].status?.podIP)
    const status = await until('its status', async () => {
      const { status: now } = await kube.get(DEPLOYMENTS, 'one', 'default')
      return now.availableReplicas === 2 && now
    })
    assert.deepEqual(
      [status.replicas, status.updatedReplicas, status.readyReplicas, status.unavailableReplicas],
      [2, 2, 2, 0],
    )
    assert.equal(status.observedGeneration, 1)
    const conditions = status.conditions.map((each: { type: string; status: string; reason: string }) => [
      each.type,
      each.status,
      each.reason,
    ])
    assert.deepEqual(conditions, [
      ['Available', 'True', 'MinimumReplicasAvailable'],
      ['Progressing', 'True', 'NewReplicaSetAvailable'],
    ])
  })

  test('replaces a Pod that is deleted, and scales both ways', async () => {
    const [first] = await readyPods('one')
    await remove(PODS, first.metadata.name)
    await until('replaced', async () => {
      const now = await readyPods('one')
      return now.length === 2 && now.every((each) => each.metadata.name !== first.metadata.name)
    })
    await kube.patch(DEPLOYMENTS, { name: 'one', namespace: 'default' }, 'merge', { spec: { replicas: 3 } })
    await until('three', async () => (await readyPods('one')).length === 3)
    await kube.patch(DEPLOYMENTS, { name: 'one', namespace: 'default' }, 'merge', { spec: { replicas: 1 } })
    await until('one', async () => (await podsOf('one')).length === 1)
  })

  test('rolls a new template out without a moment in which nothing is ready', async () => {
    await create(SERVICES, 'one', { spec: { selector: { app: 'one' }, ports: [{ port: 8080 }] } })
    const [before] = await readyPods('one')
    const change = { spec: { template: { metadata: { annotations: { restarted: 'now' } } } } }
    await kube.patch(DEPLOYMENTS, { name: 'one', namespace: 'default' }, 'merge', change)
    await until('the new one alone', async () => {
      const all = await podsOf('one')
      assert.ok(
        all.some((each) => isReady(each) && each.metadata.deletionTimestamp === undefined),
        'one is ready',
      )
      return all.length === 1 && all[0].metadata.name !== before.metadata.name
    })
    const [now] = await readyPods('one')
    assert.notEqual(now.metadata.labels?.['pod-template-hash'], before.metadata.labels?.['pod-template-hash'])
  })

  test('takes its Pods with it', async () => {
    const [last] = await readyPods('one')
    await remove(DEPLOYMENTS, 'one')
    await until('gone', async () => (await podsOf('one')).length === 0)
    await assert.rejects(call(last.status?.podIP))
  })
})

test('a restart finds its Pods again: same names and addresses, one restart more, no process left over', async () => {
  await deployment('stays', { replicas: 1 })
  const before = await until('ready', async () => (await readyPods('stays'))[0])
  const pid = Number(state(before)?.containerID?.replace('process://', ''))
  await restart()
  assert.equal(isAlive(pid), false)
  const { status } = await kube.get<Deployment>(DEPLOYMENTS, 'stays', 'default')
  const [found] = await podsOf('stays')
  if (state(found)?.restartCount === 0) {
    assert.equal(status?.availableReplicas, 0, 'what the former run said does not hold')
    assert.equal(isReady(found), false)
  }
  const after = await until('ready again', async () => {
    const [now] = await readyPods('stays')
    return now !== undefined && state(now)?.restartCount === 1 && now
  })
  assert.equal(after.metadata.name, before.metadata.name)
  assert.equal(after.status?.podIP, before.status?.podIP)
  assert.equal((await call(after.status?.podIP)).host, after.metadata.name)
  const listed = JSON.parse(readFileSync(join(dir, 'logs/processes.json'), 'utf8')) as [number, string][]
  assert.ok(listed.some(([each]) => each === Number(state(after)?.containerID?.replace('process://', ''))))
  await remove(DEPLOYMENTS, 'stays')
})
