import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { call, create, dir, eventsOf, get, isAlive, LOG, logs, pod, pods, remove, sh, state, until } from './testing.ts'
import { CONFIG_MAPS, isReady, PODS, SECRETS } from './types.ts'

describe('a container', () => {
  test('gets its environment from the Pod, ConfigMaps and Secrets, and none of the user’s', async () => {
    process.env['AWS_SECRET_ACCESS_KEY'] = 'private'
    await create(CONFIG_MAPS, 'settings', { data: { COLOR: 'red', SIZE: '7' } })
    await create(SECRETS, 'keys', { data: { token: Buffer.from('s3cret').toString('base64') } })
    await pod('env', {
      envFrom: [{ configMapRef: { name: 'settings' }, prefix: 'C_' }, { secretRef: { name: 'none', optional: true } }],
      env: [
        { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
        { name: 'ADDRESS', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: 'ACCOUNT', valueFrom: { fieldRef: { fieldPath: 'spec.serviceAccountName' } } },
        { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
        { name: 'ABSENT', valueFrom: { configMapKeyRef: { name: 'settings', key: 'none', optional: true } } },
        { name: 'BOTH', value: '$(NAME)/$(C_COLOR)/$$(NAME)' },
      ],
    })
    const ready = await until('ready', async () => {
      const now = await get('env')
      return now !== undefined && isReady(now) && now
    })
    const { env } = await call(ready.status?.podIP)
    delete process.env['AWS_SECRET_ACCESS_KEY']
    const { NAME, NAMESPACE, ADDRESS, APP, ACCOUNT, TOKEN, BOTH, C_COLOR, C_SIZE } = env
    assert.deepEqual(
      [NAME, NAMESPACE, APP, ACCOUNT, TOKEN, C_COLOR, C_SIZE],
      ['env', 'default', 'env', 'default', 's3cret', 'red', '7'],
    )
    assert.equal(ADDRESS, ready.status?.podIP)
    assert.equal(BOTH, 'env/red/$(NAME)')
    assert.equal('ABSENT' in env, false)
    assert.equal('AWS_SECRET_ACCESS_KEY' in env, false)
    await remove(PODS, 'env')
  })

  test('that crashes is started again, at once and then with growing pauses', async () => {
    await pod('crash', sh('echo "run $HOSTNAME"; exit 7'))
    const looping = await until('in a crash loop', async () => {
      const now = await get('crash')
      const container = state(now)
      return container !== undefined && container.restartCount >= 2 && 'waiting' in container.state && container
    })
    assert.ok('waiting' in looping.state)
    assert.equal(looping.state.waiting.reason, 'CrashLoopBackOff')
    assert.match(
      looping.state.waiting.message ?? '',
      /^back-off \d+s restarting failed container=main pod=crash_default\(/,
    )
    const last = looping.lastState as { terminated: { exitCode: number; reason: string } }
    assert.deepEqual([last.terminated.exitCode, last.terminated.reason], [7, 'Error'])
    assert.equal((await get('crash'))?.status?.phase, 'Running')
    assert.match(await logs('crash', { previous: true }), /^run crash\n$/)
    const reasons = (await eventsOf('crash')).map((each) => each['reason'])
    for (const reason of ['Scheduled', 'Started', 'BackOff']) assert.ok(reasons.includes(reason), reason)
    await until('a third run', async () => (state(await get('crash'))?.restartCount ?? 0) >= 3)
    const runs = readdirSync(join(dir, 'logs', `default_crash_${(await get('crash'))?.metadata.uid}`, 'main'))
    assert.ok(runs.length <= 2, runs.join())
    await remove(PODS, 'crash')
    await until('gone', async () => (await get('crash')) === undefined)
    assert.deepEqual(
      readdirSync(join(dir, 'logs')).filter((each) => each.startsWith('default_crash_')),
      [],
    )
  })

  test('whose image is not known says which are', async () => {
    await pod('unknown', { image: 'docker.io/library/nginx:1.27' })
    const waiting = await until('told', async () => {
      const now = state(await get('unknown'))?.state
      return now !== undefined && 'waiting' in now && now.waiting.reason === 'ErrImagePull' && now.waiting
    })
    assert.match(waiting.message ?? '', /nginx:1\.27; known are test\/server, test\/sh/)
    assert.equal((await get('unknown'))?.status?.phase, 'Pending')
    await remove(PODS, 'unknown')
  })

  test('starts when the ConfigMap that it needs comes', async () => {
    await pod('waits', { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'later', key: 'a' } } }] })
    await until('told', async () => {
      const now = state(await get('waits'))?.state
      return now !== undefined && 'waiting' in now && now.waiting.reason === 'CreateContainerConfigError'
    })
    await create(CONFIG_MAPS, 'later', { data: { a: 'here' } })
    const ready = await until('ready', async () => {
      const now = await get('waits')
      return now !== undefined && isReady(now) && now
    })
    assert.equal((await call(ready.status?.podIP)).env['A'], 'here')
    await remove(PODS, 'waits')
  })

  test('that cannot be what it asks to be is refused with the reason', async () => {
    const volumes = [{ name: 'v', configMap: { name: 'settings' } }]
    await pod('mount', { volumeMounts: [{ name: 'v', mountPath: '/etc/x' }] }, { volumes })
    const waiting = await until('refused', async () => {
      const now = state(await get('mount'))?.state
      return now !== undefined && 'waiting' in now && now.waiting
    })
    assert.equal(waiting.reason, 'CreateContainerConfigError')
    assert.match(waiting.message ?? '', /volume v \(configMap\)/)
    await remove(PODS, 'mount')
    await until('gone', async () => (await get('mount')) === undefined)
  })

  test('is asked to end, and made to after the grace period', async () => {
    await pod('polite', { env: [{ name: 'DELAY', value: '50' }] })
    await pod('stubborn', { env: [{ name: 'DELAY', value: 'never' }] }, { terminationGracePeriodSeconds: 1 })
    for (const name of ['polite', 'stubborn']) {
      await until('ready', async () => {
        const now = await get(name)
        return now !== undefined && isReady(now)
      })
    }
    const log = new PassThrough()
    const followed = text(log)
    ;(await pods.runtime.logs('default', 'polite', { ...LOG, follow: true })).pipe(log)
    await remove(PODS, 'polite')
    await remove(PODS, 'stubborn')
    assert.notEqual((await get('stubborn'))?.metadata.deletionTimestamp, undefined)
    await until('both gone', async () => (await get('polite')) === undefined && (await get('stubborn')) === undefined)
    assert.equal(await followed, 'listening\ntold to end\n')
  })

  test('takes with it what it started', async () => {
    await pod('parent', sh('sleep 1000 & echo $!; sleep 0.1; exit 0'), { restartPolicy: 'Never' })
    await until('done', async () => (await get('parent'))?.status?.phase === 'Succeeded')
    const child = Number(await logs('parent'))
    await until('the child is gone', async () => !isAlive(child))
    await remove(PODS, 'parent')
  })

  test('that is sick is restarted by its liveness probe', async () => {
    const livenessProbe = { httpGet: { path: '/health', port: 'http' }, periodSeconds: 1, failureThreshold: 1 }
    await pod('sick', { livenessProbe })
    const ready = await until('ready', async () => {
      const now = await get('sick')
      return now !== undefined && isReady(now) && now
    })
    await call(ready.status?.podIP, '/sick')
    await until('restarted and well', async () => {
      const now = await get('sick')
      return now !== undefined && isReady(now) && state(now)?.restartCount === 1
    })
    assert.ok((await eventsOf('sick')).some((each) => each['reason'] === 'Unhealthy'))
    await remove(PODS, 'sick')
  })
})
