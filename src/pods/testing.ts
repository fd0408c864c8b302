/** For tests: the real API server with Pods beside it, from before the first test of a file to after its last. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before } from 'node:test'
import { type ApiServer, type LogOptions, startApiServer } from '../apiserver/index.ts'
import { KubeApiError, KubeClient, type KubeObject, parseKubeConfig, type ResourceType } from '../kube/index.ts'
import { type PodsHandle, startPods } from './index.ts'
import { DEPLOYMENTS, EVENTS, isReady, PODS, type Pod } from './types.ts'

export const dir = mkdtempSync(join(tmpdir(), 'sluice-pods-'))
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
export let kube: KubeClient
export let pods: PodsHandle
const start = () =>
  startPods({
    kube,
    images,
    logDir: join(dir, 'logs'),
    podCidr,
    restartPauses: { initialMs: 200, maxMs: 400, resetMs: 60_000 },
  })

/** Ends all Pods and starts anew on the same state, as a restart of Sluice does. */
export async function restart(): Promise<void> {
  await pods.close(1000)
  pods = await start()
}

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

export async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > deadline) throw new Error(`${what}: not within 10 s`)
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}

export const get = async (name: string): Promise<Pod | undefined> =>
  kube.get<Pod>(PODS, name, 'default').catch((error) => {
    if (error instanceof KubeApiError && error.notFound) return undefined
    throw error
  })
export const podsOf = async (app: string): Promise<Pod[]> =>
  (await kube.list<Pod>(PODS, { namespace: 'default', labelSelector: `app=${app}` })).items
export const readyPods = async (app: string) =>
  (await podsOf(app)).filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined)
export const create = (type: ResourceType, name: string, more: object): Promise<KubeObject> => {
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
export const deployment = (app: string, spec: object = {}, container: object = {}) =>
  create(DEPLOYMENTS, app, {
    spec: { selector: { matchLabels: { app } }, template: template(app, container), ...spec },
  })
export const pod = (name: string, container: object, spec: object = {}) => {
  const whole = template(name, container, spec)
  return create(PODS, name, { metadata: { name, namespace: 'default', ...whole.metadata }, spec: whole.spec })
}
export const sh = (script: string) => ({ image: 'test/sh', command: ['/bin/sh', '-c', script], ports: [] })
export const state = (of: Pod | undefined) => of?.status?.containerStatuses?.[0]
export const remove = (type: ResourceType, name: string) => kube.delete(type, { name, namespace: 'default' })
export const eventsOf = async (name: string) =>
  (await kube.list(EVENTS, { namespace: 'default' })).items.filter((each) => each['involvedObject'].name === name)

export async function call(ip: string | undefined, path = '/') {
  const response = await fetch(`http://${ip}:8080${path}`)
  return response.json() as Promise<{ host: string; ip: string; env: Record<string, string> }>
}
export const LOG: LogOptions = {
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
export const logs = async (name: string, options: Partial<LogOptions> = {}) =>
  text(await pods.runtime.logs('default', name, { ...LOG, ...options }))

/** Whether there is a process of this id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
