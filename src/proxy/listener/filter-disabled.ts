/** `filter_disabled` of listener filters: a rule about the destination port, which is the listener's own here. */
import type { ListenerFilterChainMatchPredicate } from '../../../gen/envoy/config/listener/v3/listener_components_pb.ts'
import { invalid, unsupported } from '../config/fields.ts'

/** Says whether a filter is off on all of these ports; a rule that parts them is refused. */
export function isDisabled(
  rule: ListenerFilterChainMatchPredicate | undefined,
  ports: readonly number[],
  path: string,
): boolean {
  if (rule === undefined) return false
  // An internal listener has no port.
  const [first, ...rest] = (ports.length === 0 ? [0] : ports).map((port) => matches(rule, port, path))
  if (rest.some((one) => one !== first)) throw unsupported(path, 'a rule that is for some of the addresses only')
  return first
}

function matches({ rule }: ListenerFilterChainMatchPredicate, port: number, path: string): boolean {
  switch (rule.case) {
    case 'anyMatch':
      return rule.value
    case 'orMatch':
      return rule.value.rules.some((one, i) => matches(one, port, `${path}.or_match.rules[${i}]`))
    case 'andMatch':
      return rule.value.rules.every((one, i) => matches(one, port, `${path}.and_match.rules[${i}]`))
    case 'notMatch':
      return !matches(rule.value, port, `${path}.not_match`)
    case 'destinationPortRange':
      return port >= rule.value.start && port < rule.value.end
    default:
      throw invalid(path, 'a rule is missing')
  }
}
