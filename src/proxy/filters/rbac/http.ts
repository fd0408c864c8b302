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
import { dotted, RbacEngine } from './engine.ts'

class Rules {
  readonly enforced: RbacEngine | undefined
  readonly shadow: RbacEngine | undefined
  readonly shadowPrefix: string
  readonly allowed
  readonly denied
  readonly shadowAllowed
  readonly shadowDenied
  readonly #count: ((policy: string, outcome: string) => void) | undefined

  constructor(config: RBAC | undefined, context: FactoryContext) {
    if (config !== undefined) {
      onlyFields(
        RBACSchema,
        config,
        ['rules', 'rules_stat_prefix', 'shadow_rules', 'shadow_rules_stat_prefix', 'track_per_rule_stats'],
        'rbac',
      )
    }
    this.enforced = config?.rules && new RbacEngine(config.rules, 'rbac.rules')
    this.shadow = config?.shadowRules && new RbacEngine(config.shadowRules, 'rbac.shadow_rules')
    this.shadowPrefix = config?.shadowRulesStatPrefix ?? ''
    const scope = context.stats.scope(`${context.statPrefix}rbac.`)
    const prefix = dotted(config?.rulesStatPrefix ?? '')
    const shadow = dotted(this.shadowPrefix)
    this.allowed = scope.counter(`${prefix}allowed`)
    this.denied = scope.counter(`${prefix}denied`)
    this.shadowAllowed = scope.counter(`${shadow}shadow_allowed`)
    this.shadowDenied = scope.counter(`${shadow}shadow_denied`)
    if (config?.trackPerRuleStats !== true) return
    this.#count = (policy, outcome) => {
      const own = outcome.startsWith('shadow') ? shadow : prefix
      scope.counter(`${own}policy.${policy}.${outcome}`).value++
    }
  }

  /** `track_per_rule_stats`: counts what a policy that matched decided. */
  count(policy: string, outcome: 'allowed' | 'denied' | 'shadow_allowed' | 'shadow_denied'): void {
    if (this.#count !== undefined && policy !== 'none') this.#count(policy, outcome)
  }
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
      connection: info.connection,
      remoteAddress: info.remoteAddress,
      headers,
      metadata: info.dynamicMetadata,
      filterState: info.filterState,
    }
    if (rules.shadow !== undefined) {
      const { allowed, policy } = rules.shadow.check(subject)
      if (allowed) rules.shadowAllowed.value++
      else rules.shadowDenied.value++
      rules.count(policy, allowed ? 'shadow_allowed' : 'shadow_denied')
      info.setDynamicMetadata('envoy.filters.http.rbac', {
        [`${rules.shadowPrefix}shadow_effective_policy_id`]: policy,
        [`${rules.shadowPrefix}shadow_engine_result`]: allowed ? 'allowed' : 'denied',
      })
    }
    if (rules.enforced === undefined) return FilterHeadersStatus.Continue
    const { allowed, policy } = rules.enforced.check(subject)
    rules.count(policy, allowed ? 'allowed' : 'denied')
    if (allowed) {
      rules.allowed.value++
      return FilterHeadersStatus.Continue
    }
    rules.denied.value++
    callbacks.sendLocalReply(403, 'RBAC: access denied', { details: `rbac_access_denied_matched_policy[${policy}]` })
    return FilterHeadersStatus.StopIteration
  }
}
