import {
  type RBAC,
  RBACPerRouteSchema,
  RBACSchema,
} from '../../../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { onlyFields } from '../../config/fields.ts'
import type { FactoryContext } from '../../context.ts'
import {
  FilterHeadersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../../http/filter.ts'
import { enforcedDecider, shadowDecider } from './decider.ts'
import { type Decider, dotted, policyName, type Verdict } from './engine.ts'

const NAMESPACE = 'envoy.filters.http.rbac'

/** Names in the dynamic metadata. */
interface Keys {
  readonly policy: string
  readonly result: string
}

class Rules {
  readonly enforced: Decider | undefined
  readonly shadow: Decider | undefined
  /** Under a prefix of its own; a route without one tells under the filter's. */
  readonly keys: Keys | undefined
  readonly shadowKeys: Keys | undefined
  readonly allowed
  readonly denied
  readonly shadowAllowed
  readonly shadowDenied
  readonly tracks: boolean
  readonly #count: (policy: string, outcome: string) => void

  constructor(config: RBAC | undefined, context: FactoryContext) {
    if (config !== undefined) {
      onlyFields(
        RBACSchema,
        config,
        [
          'rules',
          'matcher',
          'rules_stat_prefix',
          'shadow_rules',
          'shadow_matcher',
          'shadow_rules_stat_prefix',
          'track_per_rule_stats',
        ],
        'rbac',
      )
    }
    this.enforced = config && enforcedDecider(config, context, true)
    this.shadow = config && shadowDecider(config, context, true)
    const scope = context.stats.scope(`${context.statPrefix}rbac.`)
    const { rulesStatPrefix = '', shadowRulesStatPrefix = '' } = config ?? {}
    this.keys = rulesStatPrefix === '' ? undefined : keys(`${rulesStatPrefix}enforced_`)
    this.shadowKeys = shadowRulesStatPrefix === '' ? undefined : keys(`${shadowRulesStatPrefix}shadow_`)
    const prefix = dotted(rulesStatPrefix)
    const shadow = dotted(shadowRulesStatPrefix)
    this.allowed = scope.counter(`${prefix}allowed`)
    this.denied = scope.counter(`${prefix}denied`)
    this.shadowAllowed = scope.counter(`${shadow}shadow_allowed`)
    this.shadowDenied = scope.counter(`${shadow}shadow_denied`)
    this.tracks = config?.trackPerRuleStats ?? false
    this.#count = (policy, outcome) => {
      const own = outcome.startsWith('shadow') ? shadow : prefix
      scope.counter(`${own}policy.${policy}.${outcome}`).value++
    }
  }

  /** `track_per_rule_stats`: counts what a policy that matched decided. */
  count(policy: string, outcome: 'allowed' | 'denied' | 'shadow_allowed' | 'shadow_denied'): void {
    this.#count(policy, outcome)
  }
}

function keys(prefix: string): Keys {
  return { policy: `${prefix}effective_policy_id`, result: `${prefix}engine_result` }
}

const ENFORCED = keys('enforced_')
const SHADOW = keys('shadow_')

/** What access logs are told of a verdict. */
function told({ allowed, policy }: Verdict, { policy: id, result }: Keys): Record<string, string> {
  const outcome = allowed ? 'allowed' : 'denied'
  return policy === undefined ? { [result]: outcome } : { [id]: policy, [result]: outcome }
}

/** `envoy.filters.http.rbac`. */
export const httpRbac: HttpFilterFactory<typeof RBACSchema, typeof RBACPerRouteSchema> = {
  name: 'envoy.filters.http.rbac',
  configType: RBACSchema,
  routeConfigType: RBACPerRouteSchema,
  create(config, context) {
    const rules = new Rules(config, context)
    return { createFilter: (callbacks) => new RbacFilter(callbacks, rules) }
  },
  createRouteConfig: (config, context) => new Rules(config.rbac, context),
}

class RbacFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  readonly #rules: Rules

  constructor(callbacks: HttpFilterCallbacks, rules: Rules) {
    this.#callbacks = callbacks
    this.#rules = rules
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const callbacks = this.#callbacks
    const rules = callbacks.routeConfig<Rules>() ?? this.#rules
    const info = callbacks.streamInfo
    const subject = {
      info,
      connection: info.connection,
      remoteAddress: info.remoteAddress,
      headers,
      metadata: info.dynamicMetadata,
      filterState: info.filterState,
    }
    // As in Envoy, rules of a route count where those of the filter do.
    const counted = this.#rules
    if (rules.shadow !== undefined) {
      const verdict = rules.shadow.check(subject)
      const { allowed, policy } = verdict
      if (allowed) counted.shadowAllowed.value++
      else counted.shadowDenied.value++
      if (rules.tracks && policy !== undefined) counted.count(policy, allowed ? 'shadow_allowed' : 'shadow_denied')
      info.setDynamicMetadata(NAMESPACE, told(verdict, rules.shadowKeys ?? counted.shadowKeys ?? SHADOW))
    }
    if (rules.enforced === undefined) return FilterHeadersStatus.Continue
    const verdict = rules.enforced.check(subject)
    const { allowed, policy, hint } = verdict
    info.setDynamicMetadata(NAMESPACE, told(verdict, rules.keys ?? counted.keys ?? ENFORCED))
    if (hint !== undefined) info.setDynamicMetadata('envoy.common', { access_log_hint: hint })
    if (rules.tracks && policy !== undefined) counted.count(policy, allowed ? 'allowed' : 'denied')
    if (allowed) {
      counted.allowed.value++
      return FilterHeadersStatus.Continue
    }
    counted.denied.value++
    callbacks.sendLocalReply(403, 'RBAC: access denied', {
      details: `rbac_access_denied_matched_policy[${policyName(verdict)}]`,
    })
    return FilterHeadersStatus.StopIteration
  }
}
