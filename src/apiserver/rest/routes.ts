import type { Target } from '../kind.ts'
import type { KindRegistry } from '../registry.ts'

/** A request for objects. */
export interface ResourceRequest {
  readonly target: Target
  readonly namespace: string
  readonly name: string
  readonly subresource: string
}

/** `/api/v1/…` and `/apis/G/V/…`, after the group version is taken off. */
export function parseResourcePath(kinds: KindRegistry, path: string): ResourceRequest | undefined {
  let parts: string[]
  try {
    parts = path.split('/').slice(1).map(decodeURIComponent)
  } catch {
    return undefined
  }
  if (parts.at(-1) === '') parts.pop()
  const core = parts[0] === 'api'
  if (!core && parts[0] !== 'apis') return undefined
  const group = core ? '' : parts[1]
  const version = core ? parts[1] : parts[2]
  const rest = parts.slice(core ? 2 : 3)
  if (rest.length === 0 || rest.includes('')) return undefined

  let namespace = ''
  // /namespaces/NAME and its own subresources address the namespace; anything longer lies inside it.
  const inside =
    rest[0] === 'namespaces' &&
    rest.length > 2 &&
    !(core && ['status', 'finalize'].includes(rest[2]) && rest.length === 3)
  if (inside) {
    namespace = rest[1]
    rest.splice(0, 2)
  }
  const [plural, name = '', ...subresource] = rest
  const target = kinds.find(group, version, plural)
  if (target === undefined) return undefined
  if (inside !== (target.kind.namespaced && namespace !== '')) return undefined
  // All namespaces can be listed at once, but one object needs its namespace.
  if (target.kind.namespaced && name !== '' && namespace === '') return undefined
  return { target, namespace, name, subresource: subresource.join('/') }
}
