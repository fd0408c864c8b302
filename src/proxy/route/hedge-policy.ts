import { type HedgePolicy, HedgePolicySchema } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { invalid, onlyFields, unsupported } from '../config/fields.ts'

/** Whether a try that takes too long goes on beside the next one; undefined: the policy is absent. */
export function hedges(policy: HedgePolicy | undefined, path: string): boolean | undefined {
  if (policy === undefined) return undefined
  onlyFields(HedgePolicySchema, policy, ['initial_requests', 'hedge_on_per_try_timeout'], path)
  const { initialRequests } = policy
  if (initialRequests === 0) throw invalid(`${path}.initial_requests`, 'must be at least 1')
  if (initialRequests !== undefined && initialRequests > 1)
    throw unsupported(`${path}.initial_requests`, 'more than one (Envoy takes the field and sends one)')
  return policy.hedgeOnPerTryTimeout
}
