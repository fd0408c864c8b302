import type { Config } from './config.ts'

/** What Istio and the Gateway API alike let routes do to headers. */
export interface HeaderChanges {
  readonly set?: Readonly<Record<string, string>>
  readonly add?: Readonly<Record<string, string>>
  readonly remove?: readonly string[]
}

function options(values: Readonly<Record<string, string>> | undefined, action: string): Config[] {
  return Object.entries(values ?? {}).map(([key, value]) => ({ header: { key, value }, append_action: action }))
}

function toAdd(changes: HeaderChanges | undefined): Config[] {
  return [...options(changes?.set, 'OVERWRITE_IF_EXISTS_OR_ADD'), ...options(changes?.add, 'APPEND_IF_EXISTS_OR_ADD')]
}

/** `request_headers_to_add` and its three siblings of a route, a virtual host or a weighted cluster. */
export function headerMutations(request: HeaderChanges | undefined, response: HeaderChanges | undefined): Config {
  return {
    request_headers_to_add: filled(toAdd(request)),
    request_headers_to_remove: filled(request?.remove),
    response_headers_to_add: filled(toAdd(response)),
    response_headers_to_remove: filled(response?.remove),
  }
}

function filled<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list
}
