import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../src/errors.ts'
import { fetchText } from '../limited-fetch.ts'
import type { Answer, Case, ClusterSettings } from './case.ts'
import { perform } from './client.ts'
import { bootstrapOf, clusterNames, fullName, logFile, type Places } from './config.ts'
import { DecisionService } from './decision-service.ts'
import { hostStats } from './host-stats.ts'
import { Http2Upstream } from './http2-upstream.ts'
import { type Facts, factsOf, type StepSeen } from './observe.ts'
import { type RunningProxy, startEnvoy, startSluice } from './proxies.ts'
import { type Received, Script } from './script.ts'
import { Upstream } from './upstream.ts'

/** Nothing listens there, and no system gives it to a socket that takes any port. */
const NOBODY = 65_529
const AT_ONCE = 32
const LOG_FLUSH_MS = 400

export interface Outcome {
  readonly ours: Facts
  readonly theirs: Facts
  /** Why our proxy does not take the configuration. */
  readonly refused?: string
}

const OK: Answer = { body: 'ok' }

type AnyUpstream = Upstream | Http2Upstream | DecisionService

export interface Stage {
  readonly upstreams: AnyUpstream[]
  readonly received: Received[]
  /** Of clusters that are `aside`. */
  readonly aside: Received[]
}

/** Runs every case on Envoy and then on our proxy, with the same upstreams. `refusable`: our proxy may not take it. */
export async function runCases(
  cases: readonly Case[],
  refusable: (one: Case) => boolean,
  envoy: string,
  modules: string,
): Promise<Map<string, Outcome>> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-parity-'))
  const ports = new Map<string, number[]>()
  const stages = new Map<Case, Stage>()
  try {
    for (const one of cases) stages.set(one, await stage(one, ports))
    const places = (name: string): Places => {
      mkdirSync(join(dir, name), { recursive: true })
      return { logDir: join(dir, name), modules, ports }
    }
    const theirPlaces = places('envoy')
    const theirs = await onProxy(
      cases,
      stages,
      await startEnvoy(envoy, bootstrapOf(cases, theirPlaces), dir),
      theirPlaces,
    )
    const ourPlaces = places('sluice')
    const { proxy, refused } = await startWithout(cases, refusable, ourPlaces)
    const taken = cases.filter((one) => !refused.has(one.id))
    const ours = await onProxy(taken, stages, proxy, ourPlaces)
    return new Map(
      cases.map(({ id }) => {
        const why = refused.get(id)
        const facts = { ours: ours.get(id) ?? new Map(), theirs: theirs.get(id) ?? new Map() }
        return [id, why === undefined ? facts : { ...facts, refused: why }]
      }),
    )
  } finally {
    for (const { upstreams } of stages.values()) for (const upstream of upstreams) upstream.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

export async function stage(one: Case, ports: Map<string, number[]>): Promise<Stage> {
  const [received, aside]: Received[][] = [[], []]
  const all: AnyUpstream[] = []
  for (const name of clusterNames(one)) {
    const settings = one.clusters?.[name] ?? {}
    const count = settings.hosts ?? 1
    const upstreams = settings.down === true ? [] : upstreamsOf(one, name, settings, settings.aside ? aside : received)
    const list = await Promise.all(upstreams.map((upstream) => upstream.listen()))
    ports.set(fullName(one, name), settings.down === true ? new Array(count).fill(NOBODY) : list)
    all.push(...upstreams)
  }
  return { upstreams: all, received, aside }
}

function upstreamsOf(one: Case, name: string, settings: ClusterSettings, received: Received[]): AnyUpstream[] {
  const { hosts = 1, http2, in_turn: inTurn, rate_limits: limits, checks, answers = one.upstream ?? [OK] } = settings
  const shared = inTurn === true ? new Script(answers, received, true) : undefined
  return Array.from({ length: hosts }, (_, i) => {
    if (limits !== undefined) return DecisionService.rateLimit(name, limits, received)
    if (checks !== undefined) return DecisionService.authorization(name, checks, received)
    const script = shared ?? new Script(answers, received)
    if (http2 === undefined || http2 === false) return new Upstream(`${name}/${i}`, script)
    return new Http2Upstream(`${name}/${i}`, script, http2 === true ? {} : http2)
  })
}

/** Starts our proxy with all cases but those it refuses; the expected ones are tried alone first. */
async function startWithout(cases: readonly Case[], refusable: (one: Case) => boolean, places: Places) {
  const refused = new Map<string, string>()
  for (const one of cases.filter(refusable)) {
    const why = await refusal([one], places)
    if (why !== undefined) refused.set(one.id, why)
  }
  for (;;) {
    const taken = cases.filter((one) => !refused.has(one.id))
    try {
      return { proxy: await startSluice(bootstrapOf(taken, places)), refused }
    } catch (error) {
      const why = messageOf(error)
      const guilty = culprit(taken, why) ?? (await searchCulprit(taken, places, why))
      if (guilty === undefined) throw error
      refused.set(guilty.id, why)
    }
  }
}

/** By the name of a listener or cluster, or by its place in the list. */
function culprit(cases: readonly Case[], why: string): Case | undefined {
  const byName = cases.filter((one) => why.includes(`"${one.id}"`) || why.includes(`${one.id.replaceAll('.', '_')}-`))
  if (byName.length > 0) return byName.sort((a, b) => b.id.length - a.id.length)[0]
  const at = /static_resources\.listeners\[(\d+)\]/.exec(why)
  return at === null ? undefined : cases[Number(at[1])]
}

/** For refusals that name no listener: halves the cases until one is left that is refused so. */
async function searchCulprit(cases: readonly Case[], places: Places, why: string): Promise<Case | undefined> {
  let suspects = cases
  while (suspects.length > 1) {
    const half = suspects.slice(0, suspects.length >> 1)
    const told = await refusal(half, places)
    suspects = told === why ? half : suspects.slice(half.length)
  }
  return suspects[0]
}

async function refusal(cases: readonly Case[], places: Places): Promise<string | undefined> {
  try {
    await (await startSluice(bootstrapOf(cases, places))).stop()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

export async function onProxy(
  cases: readonly Case[],
  stages: ReadonlyMap<Case, Stage>,
  proxy: RunningProxy,
  places: Places,
): Promise<Map<string, Facts>> {
  const seen = new Map<Case, StepSeen[]>()
  let stats = ''
  try {
    const waiting = [...cases]
    const next = async () => {
      for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
        seen.set(one, await runCase(one, stages.get(one) as Stage, proxy.ports.get(one.id) ?? 0))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
    await sleep(LOG_FLUSH_MS)
    const admin = async (path: string) => fetchText(`http://${proxy.admin}${path}`)
    stats = (await admin('/stats')) + hostStats(await admin('/clusters'))
  } finally {
    await proxy.stop()
  }
  return new Map(
    cases.map((one) => {
      const file = logFile(places, one)
      const log = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
      return [one.id, factsOf(one, seen.get(one) ?? [], log, stats, masker(one, proxy, places))]
    }),
  )
}

async function runCase(one: Case, { upstreams, received, aside }: Stage, port: number): Promise<StepSeen[]> {
  for (const upstream of upstreams) upstream.reset()
  received.length = 0
  aside.length = 0
  const steps: StepSeen[] = []
  for (const step of one.steps) {
    const client = await perform(port, step)
    const upstream = [...received.splice(0), ...aside.splice(0)]
    // Requests that are sent at once arrive in any order, but those of each path in turn.
    if (step.beside !== undefined) upstream.sort((a, b) => compareText(pathOf(a), pathOf(b)))
    steps.push({ client, upstream })
  }
  return steps
}

const pathOf = ({ message }: Received): string => message.start.split(' ')[1]
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** For a peer on loopback Envoy tells the machine's own address in x-forwarded-for, which is another one everywhere. */
const OWN = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .filter(({ internal }) => !internal)
  .map(({ address }) => address)

/** Ports differ from run to run. */
function masker(one: Case, proxy: RunningProxy, { ports }: Places): (text: string) => string {
  const own = String(proxy.ports.get(one.id))
  const upstream = clusterNames(one).flatMap((name) => ports.get(fullName(one, name)) ?? [])
  return (text) => {
    let masked = text.replaceAll(own, '<port>')
    for (const address of OWN) masked = masked.replaceAll(address, '127.0.0.1')
    upstream.forEach((port, i) => {
      masked = masked.replaceAll(String(port), `<upstream${i}>`)
    })
    return masked
  }
}
