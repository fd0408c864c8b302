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
import { enforcedDecider, shadowDecider } from './decider.ts'
import { type Decider, dotted, policyName } from './engine.ts'

interface Settings {
  readonly enforced: Decider | undefined
  readonly shadow: Decider | undefined
  readonly allowed: Cell
  readonly denied: Cell
  readonly shadowAllowed: Cell
  readonly shadowDenied: Cell
}

/** `envoy.filters.network.rbac`: decides when the first bytes come. */
export const networkRbac: NetworkFilterFactory<typeof RBACSchema> = {
  name: 'envoy.filters.network.rbac',
  configType: RBACSchema,
  create(config, context) {
    onlyFields(
      RBACSchema,
      config,
      [
        'rules',
        'matcher',
        'shadow_rules',
        'shadow_matcher',
        'shadow_rules_stat_prefix',
        'stat_prefix',
        'enforcement_type',
      ],
      'rbac',
    )
    if (config.enforcementType !== 0) throw unsupported('rbac.enforcement_type', 'CONTINUOUS')
    const scope = context.stats.scope(`${dotted(config.statPrefix)}rbac.`)
    const shadow = dotted(config.shadowRulesStatPrefix)
    const settings: Settings = {
      enforced: enforcedDecider(config, context, false),
      shadow: shadowDecider(config, context, false),
      allowed: scope.counter('allowed'),
      denied: scope.counter('denied'),
      shadowAllowed: scope.counter(`${shadow}shadow_allowed`),
      shadowDenied: scope.counter(`${shadow}shadow_denied`),
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
    const { enforced, shadow, allowed, denied } = this.#settings
    const { connection, dynamicMetadata: metadata } = this.#callbacks
    const { remoteAddress } = connection
    const filterState = new Map<string, Buffer>()
    for (const [key, { buffer, byteOffset, byteLength }] of this.#callbacks.filterState)
      filterState.set(key, Buffer.from(buffer, byteOffset, byteLength))
    const subject = { connection, remoteAddress, headers: undefined, metadata, filterState }
    if (shadow !== undefined) {
      const { shadowAllowed, shadowDenied } = this.#settings
      if (shadow.check(subject).allowed) shadowAllowed.value++
      else shadowDenied.value++
    }
    if (enforced === undefined) return FilterStatus.Continue
    const verdict = enforced.check(subject)
    if (verdict.allowed) {
      allowed.value++
      return FilterStatus.Continue
    }
    denied.value++
    this.#callbacks.close(`rbac_access_denied_matched_policy[${policyName(verdict)}]`, true)
    return FilterStatus.StopIteration
  }
}
