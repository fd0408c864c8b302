import type { Any } from '@bufbuild/protobuf/wkt'
import { messageOf } from '../../../src/errors.ts'
import { parseBootstrap, startProxy } from '../../../src/proxy/index.ts'
import { clusterAny, eventually, listenerAny, TestControl } from '../../../src/proxy/testing.ts'
import { TypeUrl } from '../../../src/xds/index.ts'
import { closeProxy } from '../../close-proxy.ts'
import type { RunningProxy } from '../../parity/proxies.ts'
import { within } from '../../within.ts'
import type { Bootstrap } from './compare.ts'

/** Ours with the same listeners and clusters, and which trials it refuses: both come from a control plane. */
export async function startOurs(
  bootstrap: Bootstrap,
): Promise<{ proxy: RunningProxy; refused: ReadonlyMap<string, string> }> {
  const { static_resources: statics, ...rest } = bootstrap
  const refused = new Map<string, string>()
  const packed = (all: readonly Readonly<Record<string, unknown>>[], pack: (text: string) => Any) => {
    const resources: Record<string, Any> = {}
    for (const one of all) {
      const name = String(one['name'])
      try {
        resources[name] = pack(JSON.stringify(one))
      } catch (error) {
        refused.set(name, messageOf(error))
      }
    }
    return resources
  }
  const listeners = packed(statics.listeners, listenerAny)
  const control = new TestControl()
    .set(TypeUrl.cluster, packed(statics.clusters, clusterAny))
    .set(TypeUrl.listener, listeners)
  control.push()
  const parsed = parseBootstrap(
    JSON.stringify({ ...rest, static_resources: { ...statics, clusters: [], listeners: [] } }),
    'ours',
  )
  const starting = startProxy({
    bootstrap: parsed,
    node: { id: 'test', cluster: 'differential' },
    ads: control.transport,
    workers: 1,
  })
  const started = await within('our proxy to start', starting)
  const stop = () => closeProxy(started, 200)
  const answered = (type: string) =>
    control.acks.includes(`${type} 1`) || control.nacks.some((nack) => nack.type === type)
  try {
    await eventually(() => answered('cds') && answered('lds'), 'an answer to the resources')
    const ports = new Map(started.listeners().map(({ name, port }) => [name, port]))
    const said = control.nacks.map(({ error }) => error).join('\n')
    for (const name of Object.keys(listeners)) {
      const why = new RegExp(`"?${name.replace('.', '\\.')}\\b.*`).exec(said)?.[0]
      if (!ports.has(name) || why !== undefined) refused.set(name, why?.slice(0, 300) ?? 'for no reason')
    }
    return { proxy: { ports, admin: started.adminAddress ?? '', log: () => '', stop }, refused }
  } catch (error) {
    await stop()
    throw error
  }
}
