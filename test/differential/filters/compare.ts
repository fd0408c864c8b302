/**
 * Generated cases on Envoy and on our proxy. Envoy gets the listeners by discovery from a file, so that it tells which of them it
 * refuses and runs the others.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Any } from '@bufbuild/protobuf/wkt'
import { messageOf } from '../../../src/errors.ts'
import { parseBootstrap, startProxy } from '../../../src/proxy/index.ts'
import { eventually, listenerAny, TestControl } from '../../../src/proxy/testing.ts'
import { TypeUrl } from '../../../src/xds/index.ts'
import { closeProxy } from '../../close-proxy.ts'
import { fetchText } from '../../limited-fetch.ts'
import type { Case } from '../../parity/case.ts'
import { bootstrapOf, type Places } from '../../parity/config.ts'
import { compareFacts } from '../../parity/observe.ts'
import { type RunningProxy, startEnvoy } from '../../parity/proxies.ts'
import { onProxy, type Stage, stage } from '../../parity/run.ts'
import { within } from '../../within.ts'
import { refusals } from '../refusals.ts'

export interface Difference {
  readonly one: Case
  /** By fact, what is ours and what is Envoy's; `refused` for a configuration that only one of them takes. */
  readonly facts: ReadonlyMap<string, string>
}

export interface Comparison {
  readonly differences: readonly Difference[]
  /** Cases that both refuse. */
  readonly refused: number
}

interface Bootstrap {
  readonly static_resources: { readonly listeners: readonly Record<string, unknown>[] }
}

export async function compare(cases: readonly Case[], envoy: string, modules: string): Promise<Comparison> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-differential-'))
  const ports = new Map<string, number[]>()
  const stages = new Map<Case, Stage>()
  try {
    for (const one of cases) stages.set(one, await stage(one, ports))
    const places = (name: string): Places => {
      mkdirSync(join(dir, name), { recursive: true })
      return { logDir: join(dir, name), modules, ports }
    }
    const [theirPlaces, ourPlaces] = [places('envoy'), places('sluice')]
    const discovered = byDiscovery(bootstrapOf(cases, theirPlaces), join(dir, 'listeners.json'))
    const envoyProxy = await startEnvoy(envoy, discovered, dir)
    const theirRefusals = await orStop(envoyProxy, refusals(adminOf(envoyProxy)))
    const taken = cases.filter(({ id }) => !theirRefusals.has(id))
    const theirs = await onProxy(taken, stages, envoyProxy, theirPlaces)
    const { proxy, refused: ourRefusals } = await startOurs(bootstrapOf(cases, ourPlaces))
    const both = taken.filter(({ id }) => !ourRefusals.has(id))
    const ours = await onProxy(both, stages, proxy, ourPlaces)
    const differences: Difference[] = []
    for (const one of cases) {
      const [we, they] = [ourRefusals.get(one.id), theirRefusals.get(one.id)]
      if (we !== undefined && they !== undefined) continue
      const facts =
        we === undefined && they === undefined
          ? compareFacts(ours.get(one.id) ?? new Map(), theirs.get(one.id) ?? new Map())
          : new Map([['refused', `${we ?? 'taken'} ≠ ${they ?? 'taken'}`]])
      if (facts.size > 0) differences.push({ one, facts })
    }
    const refused = cases.filter(({ id }) => ourRefusals.has(id) && theirRefusals.has(id)).length
    return { differences, refused }
  } finally {
    for (const { upstreams } of stages.values()) for (const upstream of upstreams) upstream.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** A proxy that nothing can be found out of is not left behind. */
async function orStop<T>(proxy: RunningProxy, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    await proxy.stop()
    throw error
  }
}

/** Ours with the same listeners, and which of them it refused: they come from a control plane, so that such a one does not concern the others. */
export async function startOurs(
  bootstrap: unknown,
): Promise<{ proxy: RunningProxy; refused: ReadonlyMap<string, string> }> {
  const { static_resources: statics, ...rest } = bootstrap as Bootstrap
  const refused = new Map<string, string>()
  const resources: Record<string, Any> = {}
  for (const listener of statics.listeners) {
    const name = String(listener['name'])
    try {
      resources[name] = listenerAny(JSON.stringify(listener))
    } catch (error) {
      refused.set(name, messageOf(error))
    }
  }
  const control = new TestControl().set(TypeUrl.cluster, {}).set(TypeUrl.listener, resources)
  control.push()
  const parsed = parseBootstrap(JSON.stringify({ ...rest, static_resources: { ...statics, listeners: [] } }), 'ours')
  const starting = startProxy({
    bootstrap: parsed,
    node: { id: 'test', cluster: 'differential' },
    ads: control.transport,
    workers: 1,
  })
  const started = await within('our proxy to start', starting)
  const stop = () => closeProxy(started, 200)
  try {
    const admin = started.adminAddress ?? ''
    await eventually(() => control.acks.includes('lds 1') || control.nacks.length > 0, 'an answer to the listeners')
    // All are settled then: what does not listen is refused, and the answer says why.
    const ports = new Map(started.listeners().map(({ name, port }) => [name, port]))
    const said = control.nacks.map(({ error }) => error).join('\n')
    for (const name of Object.keys(resources)) if (!ports.has(name)) refused.set(name, reason(said, name))
    return { proxy: { ports, admin, log: () => '', stop }, refused }
  } catch (error) {
    await stop()
    throw error
  }
}

function reason(said: string, name: string): string {
  const at = said.indexOf(name)
  return at < 0 ? 'refused' : said.slice(at, at + 300)
}

/** Moves the listeners to a file that is discovered. */
export function byDiscovery(bootstrap: unknown, file: string): unknown {
  const { static_resources: statics, ...rest } = bootstrap as Bootstrap
  const type = 'type.googleapis.com/envoy.config.listener.v3.Listener'
  const resources = statics.listeners.map((listener) => ({ '@type': type, ...listener }))
  writeFileSync(file, JSON.stringify({ version_info: '1', resources }))
  return {
    node: { id: 'differential', cluster: 'differential' },
    ...rest,
    static_resources: { ...statics, listeners: [] },
    dynamic_resources: { lds_config: { path_config_source: { path: file }, resource_api_version: 'V3' } },
  }
}

export function adminOf({ admin }: { readonly admin: string }): (path: string) => Promise<string> {
  return (path) => fetchText(`http://${admin}${path}`)
}
