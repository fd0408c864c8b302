import { UsageError } from './command.ts'
import { type DiscoveredKind, kindNamed } from './kinds.ts'

/** The options that `get`, `describe` and `delete` share. */
export const TARGET_OPTIONS = {
  namespace: { type: 'string', short: 'n' },
  'all-namespaces': { type: 'boolean', short: 'A' },
  selector: { type: 'string', short: 'l' },
} as const

export const TARGET_HELP = {
  namespace: 'the namespace; the kubeconfig says which one is meant without it',
  'all-namespaces': 'all namespaces',
  selector: 'only objects with these labels, e.g. app=reviews,version!=v1',
}

/** What was named: a kind, and objects of it, or all of them. */
export interface Target {
  readonly kind: DiscoveredKind
  readonly names: string[]
}

/** Reads `pods`, `pod a b`, `pod/a te/b`, `pods,services`. */
export function parseTargets(kinds: readonly DiscoveredKind[], words: readonly string[]): Target[] {
  if (words.length === 0) throw new UsageError('say which type of resource, e.g. trafficextensions')
  if (words.some((word) => word.includes('/'))) {
    return words.map((word) => {
      const [type, name, ...more] = word.split('/')
      if (!type || !name || more.length > 0) throw new UsageError(`«${word}» is not TYPE/NAME`)
      return { kind: kindNamed(kinds, type), names: [name] }
    })
  }
  const [types, ...names] = words
  return types.split(',').map((type) => ({ kind: kindNamed(kinds, type), names }))
}
