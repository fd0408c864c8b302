/** Deployments, Pods and Services of the real API server, as processes. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { type ApiServer, type LogOptions, startApiServer } from '../apiserver/index.ts'
import { KubeApiError, KubeClient, type KubeObject, parseKubeConfig, type ResourceType } from '../kube/index.ts'
import { type PodsHandle, startPods } from './index.ts'
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  EVENTS,
  isReady,
  PODS,
  type Pod,
  SECRETS,
  SERVICES,
} from './types.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-pods-'))
/** Other runs of these tests may be under way on the same machine. */
const podCidr = `127.${212 + (process.pid % 40)}.${Math.floor(process.pid / 40) % 256}.0/24`

/** Answers its name, with its environment and address; SIGTERM is heeded after DELAY ms, or not at all. */
const SERVER = `
const http = require('node:http')
const server = http.createServer((q, r) => {
  if (q.url === '/exit') process.exit(3)
  if (q.url === '/sick') globalThis.sick = true
  r.statusCode = globalThis.sick && q.url === '/health' ? 500 : 200
  r.end(JSON.stringify({ host: process.env.HOSTNAME, ip: process.env.POD_IP, env: process.env, url: q.url }))
})
server.listen(Number(process.env.PORT || 8080), process.env.POD_IP, () => console.log('listening'))
process.on('SIGTERM', () => {
  console.log('told to end')
  if (process.env.DELAY !== 'never') setTimeout(() => process.exit(0), Number(process.env.DELAY || 0))
})
`
const images = {
  'test/server': { command: [process.execPath, '-e', SERVER], env: { FROM_IMAGE: 'yes' } },
  'test/sh': { command: ['/bin/sh', '-c'] },
}

let api: ApiServer
let kube: KubeClient
let pods: PodsHandle
const start = () =>
  startPods({
    kube,
    images,
    logDir: join(dir, 'logs'),
    podCidr,
    restartPauses: { initialMs: 200, maxMs: 400, resetMs: 60_000 },
  })

before(async () => {
  api = await startApiServer({ dataDir: ':memory:', port: 0 })
  kube = new KubeClient(parseKubeConfig(api.kubeconfig))
  pods = await start()
})
after(async () => {
  await pods.close(500)
  kube.close()
  await api.close()
  rmSync(dir, { recursive: true, force: true })
})

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > deadline) throw new Error(`${what}: not within 10 s`)
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}

const get = async (name: string): Promise<Pod | undefined> =>
  kube.get<Pod>(PODS, name, 'default').catch((error) => {
    if (error instanceof KubeApiError && error.notFound) return undefined
    throw error
  })
const podsOf = async (app: string): Promise<Pod[]> =>
  (await kube.list<Pod>(PODS, { namespace: 'default', labelSelector: `app=${app}` })).items
const readyPods = async (app: string) =>
  (await podsOf(app)).filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined)
const create = (type: ResourceType, name: string, more: object): Promise<KubeObject> => {
  const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`
  return kube.create(type, { apiVersion, kind: type.kind, metadata: { name, namespace: 'default' }, ...more })
}
const template = (app: string, container: object = {}, spec: object = {}) => ({
  metadata: { labels: { app } },
  spec: {
    terminationGracePeriodSeconds: 2,
    containers: [
      { name: 'main', image: 'test/server:1', ports: [{ containerPort: 8080, name: 'http' }], ...container },
    ],
    ...spec,
  },
})
const deployment = (app: string, spec: object = {}, container: object = {}) =>
  create(DEPLOYMENTS, app, {
    spec: { selector: { matchLabels: { app } }, template: template(app, container), ...spec },
  })
const pod = (name: string, container: object, spec: object = {}) => {
  const whole = template(name, container, spec)
  return create(PODS, name, { metadata: { name, namespace: 'default', ...whole.metadata }, spec: whole.spec })
}
const sh = (script: string) => ({ image: 'test/sh', command: ['/bin/sh', '-c', script], ports: [] })
const state = (of: Pod | undefined) => of?.status?.containerStatuses?.[0]
const remove = (type: ResourceType, name: string) => kube.delete(type, { name, namespace: 'default' })
const eventsOf = async (name: string) =>
  (await kube.list(EVENTS, { namespace: 'default' })).items.filter((each) => each['involvedObject'].name === name)

async function call(ip: string | undefined, path = '/') {
  const response = await fetch(`http://${ip}:8080${path}`)
  return response.json() as Promise<{ host: string; ip: string; env: Record<string, string> }>
}
const LOG: LogOptions = {
  container: '',
  follow: false,
  previous: false,
  timestamps: false,
  tailLines: undefined,
  sinceSeconds: undefined,
  sinceTime: undefined,
  limitBytes: undefined,
  signal: new AbortController().signal,
}
const logs = async (name: string, options: Partial<LogOptions> = {}) =>
  text(await pods.runtime.logs('default', name, { ...LOG, ...options }))

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

describe('a Pod', () => {
  for (const [name, script, restartPolicy, phase, restarts] of [
    ['done', 'exit 0', 'Never', 'Succeeded', 0],
    ['failed', 'exit 4', 'Never', 'Failed', 0],
    ['retried', 'test -e $FLAG && exit 0; touch $FLAG; exit 1', 'OnFailure', 'Succeeded', 1],
  ] as const) {
    test(`with restartPolicy ${restartPolicy} ends as ${phase}`, async () => {
      const env = [{ name: 'FLAG', value: join(dir, name) }]
      await pod(name, { ...sh(script), env }, { restartPolicy })
      const ended = await until('ended', async () => {
        const now = await get(name)
        return now?.status?.phase === phase && now
      })
      assert.equal(state(ended)?.restartCount, restarts)
      await remove(PODS, name)
      await until('gone', async () => (await get(name)) === undefined)
    })
  }

  test('runs its init containers first, one after the other', async () => {
    const file = join(dir, 'init')
    const init = (name: string) => ({ name, ...sh(`echo ${name} >> ${file}`) })
    await pod('inits', sh(`cat ${file}; exec sleep 1000`), { initContainers: [init('first'), init('second')] })
    await until('ready', async () => {
      const now = await get('inits')
      return now !== undefined && isReady(now)
    })
    await until('its log', async () => (await logs('inits')) === 'first\nsecond\n')
    const statuses = (await get('inits'))?.status?.initContainerStatuses ?? []
    assert.deepEqual(
      statuses.map((each) => 'terminated' in each.state && each.state.terminated.reason),
      ['Completed', 'Completed'],
    )
    await remove(PODS, 'inits')
  })

  test('is gone at once when it is deleted by force', async () => {
    await pod('forced', sh('trap "" TERM; sleep 1000'))
    await until('running', async () => {
      const now = await get('forced')
      return now !== undefined && isReady(now)
    })
    await kube.delete(PODS, { name: 'forced', namespace: 'default' }, { gracePeriodSeconds: 0 })
    assert.equal(await get('forced'), undefined)
  })

  test('can be looked into: exec with input, output, errors and exit code', async () => {
    await pod('box', { ...sh('exec sleep 1000'), env: [{ name: 'WORD', value: 'hello' }] })
    await until('running', async () => {
      const now = await get('box')
      return now !== undefined && isReady(now)
    })
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const exec = (command: string[], more: object = {}) =>
      pods.runtime.exec('default', 'box', {
        container: '',
        command,
        tty: false,
        stdin: undefined,
        stdout,
        stderr,
        onResize: () => {},
        signal: new AbortController().signal,
        ...more,
      })
    const [out, err] = [text(stdout), text(stderr)]
    assert.equal(
      await exec(['sh', '-c', 'echo $WORD $HOSTNAME; cat; echo oops >&2; exit 5'], { stdin: Readable.from(['in\n']) }),
      5,
    )
    stdout.end()
    stderr.end()
    assert.deepEqual([await out, await err], ['hello box\nin\n', 'oops\n'])
    await assert.rejects(exec(['/no/such/program']), /ENOENT/)
    const gone = new AbortController()
    setTimeout(() => gone.abort(), 100)
    assert.equal(await exec(['sleep', '1000'], { stdout: undefined, stderr: undefined, signal: gone.signal }), 137)
    const terminal = new PassThrough()
    const screen = text(terminal)
    assert.equal(
      await exec(['sh', '-c', 'test -t 1 && echo "a terminal"'], { tty: true, stdout: terminal, stderr: undefined }),
      0,
    )
    terminal.end()
    assert.match(await screen, /a terminal/)
    await remove(PODS, 'box')
  })
})

describe('a Service', () => {
  test('has the ready Pods in its EndpointSlice, and its name works in every Pod', async () => {
    await create(SERVICES, 'web', {
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    })
    await deployment('web', { replicas: 2 })
    await deployment('client', {}, { ...sh('exec sleep 1000') })
    const addresses = async () => {
      const slices = await kube.list(ENDPOINT_SLICES, {
        namespace: 'default',
        labelSelector: 'kubernetes.io/service-name=web',
      })
      return slices.items.flatMap((each) =>
        each['endpoints']
          .filter((one: { conditions: { ready: boolean } }) => one.conditions.ready)
          .map((one: { addresses: string[] }) => one.addresses[0]),
      )
    }
    await until('two endpoints', async () => (await addresses()).length === 2)
    const ready = await readyPods('web')
    assert.deepEqual((await addresses()).sort(), ready.map((each) => each.status?.podIP).sort())

    const client = await until('a client', async () => (await readyPods('client'))[0])
    const script = `
      const get = (url) => new Promise((ok, no) => require('node:http').get(url, (r) => { let t = ''; r.on('data', (c) => t += c).on('end', () => ok(r.statusCode === 200 ? JSON.parse(t).host : r.statusCode)) }).on('error', no))
      ;(async () => { for (const url of process.argv.slice(1)) console.log(await get(url)) })()`
    const ask = async (...urls: string[]) => {
      const stdout = new PassThrough()
      const said = text(stdout)
      const options = {
        container: '',
        command: [process.execPath, '-e', script, ...urls],
        tty: false,
        stdin: undefined,
        stdout,
        stderr: undefined,
      }
      const signal = new AbortController().signal
      assert.equal(
        await pods.runtime.exec('default', client.metadata.name, { ...options, onResize: () => {}, signal }),
        0,
      )
      stdout.end()
      return (await said).trim().split('\n')
    }
    const answers = await ask(
      'http://web/',
      'http://web.default/',
      'http://web.default.svc.cluster.local/',
      'http://web:80/',
    )
    const names = ready.map((each) => each.metadata.name).sort()
    assert.deepEqual([...new Set(answers)].sort(), names, 'both answer')
    assert.deepEqual([answers[0], answers[1]], [answers[2], answers[3]], 'in turn')

    await kube.patch(DEPLOYMENTS, { name: 'web', namespace: 'default' }, 'merge', { spec: { replicas: 0 } })
    await until('none', async () => (await addresses()).length === 0)
    assert.deepEqual(await ask('http://web/'), ['503'])
    await remove(SERVICES, 'web')
    await until('no slices', async () => {
      const { items } = await kube.list(ENDPOINT_SLICES, {
        namespace: 'default',
        labelSelector: 'kubernetes.io/service-name=web',
      })
      return items.length === 0
    })
  })

  test('leaves a Pod out while it is not ready', async () => {
    await create(SERVICES, 'moody', { spec: { selector: { app: 'moody' }, ports: [{ port: 8080 }] } })
    await pod('moody', {
      readinessProbe: { httpGet: { path: '/health', port: 8080 }, periodSeconds: 1, failureThreshold: 1 },
    })
    const ready = await until('ready', async () => {
      const now = await get('moody')
      return now !== undefined && isReady(now) && now
    })
    await call(ready.status?.podIP, '/sick')
    await until('not ready', async () => {
      const { items } = await kube.list(ENDPOINT_SLICES, {
        labelSelector: 'kubernetes.io/service-name=moody',
        namespace: 'default',
      })
      return items[0]?.['endpoints'][0]?.conditions.ready === false
    })
    const conditions = (await get('moody'))?.status?.conditions ?? []
    assert.match(
      conditions.find((each) => each.type === 'Ready')?.message ?? '',
      /containers with unready status: \[main\]/,
    )
    await remove(PODS, 'moody')
  })
})

test('a restart finds its Pods again: same names and addresses, one restart more, no process left over', async () => {
  await deployment('stays', { replicas: 1 })
  const before = await until('ready', async () => (await readyPods('stays'))[0])
  const pid = Number(state(before)?.containerID?.replace('process://', ''))
  await pods.close(1000)
  assert.equal(isAlive(pid), false)
  pods = await start()
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
