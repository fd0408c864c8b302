import type { HeaderMap } from '../../../base/header-map.ts'

/** `append`: to the first line of what is there, and only then, as `append: true` of a HeaderValueOption means to Envoy's filter. */
export type Action = 'add' | 'append' | 'set' | 'add-if-absent' | 'set-if-present'

/** What an authorization server does to one header; the value is a byte string. */
export interface HeaderChange {
  readonly name: string
  readonly value: string
  readonly action: Action
}

/** What stands in a request exactly once, and may be replaced. */
const PARTS = new Set([':authority', ':method', ':path', ':scheme'])

/** As in Envoy's maps of headers, where `host` is `:authority`. */
export function applyToRequest(headers: HeaderMap, change: HeaderChange): void {
  const name = change.name === 'host' ? ':authority' : change.name
  if (!name.startsWith(':')) apply(headers, change)
  else if (change.action === 'set' && PARTS.has(name)) headers.set(name, change.value)
}

/** Also of the status, as in Envoy. */
export function applyToResponse(headers: HeaderMap, change: HeaderChange): void {
  if (!change.name.startsWith(':')) apply(headers, change)
  else if (change.name === ':status' && change.action.startsWith('set')) headers.set(':status', change.value)
}

function apply(headers: HeaderMap, { name, value, action }: HeaderChange): void {
  if (action === 'add') headers.add(name, value)
  else if (action === 'set') headers.set(name, value)
  else if (action === 'append') append(headers, name, value)
  else if (action === 'add-if-absent') {
    if (!headers.has(name)) headers.add(name, value)
  } else if (headers.has(name)) headers.set(name, value)
}

function append(headers: HeaderMap, name: string, value: string): void {
  const [first, ...others] = headers.getAll(name)
  if (first === undefined) return
  headers.set(name, first === '' ? value : `${first},${value}`)
  for (const other of others) headers.add(name, other)
}

/** What stands in a request exactly once. */
export function isOnce(name: string): boolean {
  return name.startsWith(':') || name === 'host'
}
