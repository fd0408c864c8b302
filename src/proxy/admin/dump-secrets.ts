import { create, type JsonObject } from '@bufbuild/protobuf'
import { type Secret, SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import type { ConfigManager } from '../main/config-manager.ts'
import type { Delivered } from '../main/delivered.ts'
import { clusterSecrets, listenerNeeds } from '../main/dependencies.ts'
import { entry } from './dump-json.ts'

/** Of `SecretsConfigDump`: those that are there, and those that somebody needs and that have not come. */
export function secretLists(config: ConfigManager, name: RegExp): Readonly<Record<string, readonly JsonObject[]>> {
  const wanted = [...config.secrets].filter(([key]) => name.test(key))
  // Files need not tell a version.
  const ofBootstrap = ([key, { proto, version }]: (typeof wanted)[number]) => key === proto.name && version === ''
  const shown = (list: typeof wanted) =>
    list.map(([key, secret]) => ({ name: key, ...entry('secret', SecretSchema, secret) }))
  return {
    static_secrets: shown(wanted.filter(ofBootstrap)),
    dynamic_active_secrets: shown(wanted.filter((one) => !ofBootstrap(one))),
    dynamic_warming_secrets: shown([...awaited(config)].filter(([key]) => name.test(key))),
  }
}

/** As in Envoy without content, of no version, and since the first that needs it has come. */
function awaited(config: ConfigManager): ReadonlyMap<string, Delivered<Secret>> {
  const found = new Map<string, Delivered<Secret>>()
  const clusters = [...config.clusters.values(), ...config.warmingClusters.values()]
  const listeners = [...config.listeners.values()].flatMap(({ active, warming }) =>
    [active, warming].filter((one) => one !== undefined),
  )
  const users = [
    ...clusters.map(({ proto, updated }) => [clusterSecrets(proto), updated] as const),
    ...listeners.map(({ proto, updated }) => [listenerNeeds(proto).secrets, updated] as const),
  ]
  users.sort(([, a], [, b]) => Number(a) - Number(b))
  for (const [needs, updated] of users) {
    for (const { key, name, dynamic } of needs) {
      if (!dynamic || config.secrets.has(key) || found.has(key)) continue
      found.set(key, { proto: create(SecretSchema, { name }), version: 'uninitialized', updated })
    }
  }
  return found
}
