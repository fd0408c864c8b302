import { RBACSchema } from '../../../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts'
import type { BodyBuffer } from '../../../base/body-buffer.ts'
import type { Cell } from '../../../telemetry/metrics.ts'
import { onlyFields, unsupported } from '../../config/fields.ts'
import {
  FilterStatus,
  type NetworkFilter,
  type NetworkFilterCallbacks,
  type NetworkFilterFactory,
} from '../../network/filter.ts'
import { RbacEngine } from './engine.ts'

interface Settings {
  readonly enforced: RbacEngine | undefined
  readonly allowed: Cell
  readonly denied: Cell
}

/** `envoy.filters.network.rbac`: decides when the first bytes come. */
export const networkRbac: NetworkFilterFactory<typeof RBACSchema> = {
  name: 'envoy.filters.network.rbac',
  configType: RBACSchema,
  create(config, context) {
    onlyFields(RBACSchema, config, ['rules', 'stat_prefix', 'enforcement_type'], 'rbac')
    if (config.enforcementType !== 0) throw unsupported('rbac.enforcement_type', 'CONTINUOUS')
    const prefix =
      config.statPrefix === '' || config.statPrefix.endsWith('.') ? config.statPrefix : `${config.statPrefix}.`
    const scope = context.stats.scope(`${prefix}rbac.`)
    const settings: Settings = {
      enforced: config.rules && new RbacEngine(config.rules, 'rbac.rules'),
      allowed: scope.counter('allowed'),
      denied: scope.counter('denied'),
    }
    return { createFilter: (callbacks) => new NetworkRbac(callbacks, settings) }
  },
}

class NetworkRbac implements NetworkFilter {
  readonly #callbacks: NetworkFilterCallbacks
  readonly #settings: Settings
  #decided = false

  constructor(callbacks: NetworkFilterCallbacks, settings: Settings) {
    this.#callbacks = callbacks
    this.#settings = settings
  }

  onData(_data: BodyBuffer, _endStream: boolean): FilterStatus {
    if (this.#decided) return FilterStatus.Continue
    this.#decided = true
    const { enforced, allowed, denied } = this.#settings
    if (enforced === undefined) return FilterStatus.Continue
    const { connection } = this.#callbacks
    const verdict = enforced.check({
      connection,
      remoteAddress: connection.remoteAddress,
      headers: undefined,
      metadata: undefined,
      filterState: undefined,
    })
    if (verdict.allowed) {
      allowed.value++
      return FilterStatus.Continue
    }
    denied.value++
    this.#callbacks.close(`rbac_access_denied_matched_policy[${verdict.policy}]`, true)
    return FilterStatus.StopIteration
  }
}
