import type { RBAC as HttpRbac } from '../../../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts'
import type { RBAC as NetworkRbac } from '../../../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts'
import type { AttributePlace } from '../../http/attributes.ts'
import { type Decider, RbacEngine } from './engine.ts'
import { RbacMatcher } from './matcher.ts'

/** Of a filter for requests or for connections. */
type Config = HttpRbac | NetworkRbac

/** As in Envoy a matcher stands in place of rules, which are then not looked at. */
export function enforcedDecider({ rules, matcher }: Config, place: AttributePlace, http: boolean): Decider | undefined {
  if (matcher !== undefined) return new RbacMatcher(matcher, 'rbac.matcher', http)
  return rules && new RbacEngine(rules, 'rbac.rules', place)
}

/** The rules that are only counted; a matcher goes before a list, as in Envoy. */
export function shadowDecider(config: Config, place: AttributePlace, http: boolean): Decider | undefined {
  const { shadowRules, shadowMatcher } = config
  if (shadowMatcher !== undefined) return new RbacMatcher(shadowMatcher, 'rbac.shadow_matcher', http)
  return shadowRules && new RbacEngine(shadowRules, 'rbac.shadow_rules', place)
}
