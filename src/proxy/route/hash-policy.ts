import type { RouteAction_HashPolicy } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { hash32 } from '../cluster/hash.ts'
import { unsupported } from '../config/fields.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import { headerValue } from '../match/header.ts'
import { compileRegex } from '../match/regex.ts'
import { queryParameters } from './route-match.ts'

interface Part {
  readonly terminal: boolean
  value(info: StreamInfo): string | undefined
}

/** What a stream is hashed by for ring hash and maglev; `undefined` when nothing applies. */
export class HashPolicy {
  readonly #parts: readonly Part[]

  constructor(policies: readonly RouteAction_HashPolicy[], path: string) {
    this.#parts = policies.map((policy, i) => ({ terminal: policy.terminal, value: reader(policy, `${path}[${i}]`) }))
  }

  hash(info: StreamInfo): number | undefined {
    let hash: number | undefined
    for (const part of this.#parts) {
      const value = part.value(info)
      if (value !== undefined) hash = hash32(value, hash ?? 0)
      if (part.terminal && hash !== undefined) break
    }
    return hash
  }
}

function reader(policy: RouteAction_HashPolicy, path: string): (info: StreamInfo) => string | undefined {
  const specifier = policy.policySpecifier
  switch (specifier.case) {
    case 'header': {
      const name = specifier.value.headerName.toLowerCase()
      const rewrite = specifier.value.regexRewrite
      if (rewrite === undefined) return (info) => info.requestHeaders && headerValue(info.requestHeaders, name)
      const regex = compileRegex(rewrite.pattern?.regex ?? '', `${path}.header.regex_rewrite`)
      return (info) => {
        const value = info.requestHeaders && headerValue(info.requestHeaders, name)
        return value === undefined ? undefined : regex.replaceAll(value, rewrite.substitution)
      }
    }
    case 'cookie': {
      const { name, ttl } = specifier.value
      if (ttl !== undefined) throw unsupported(`${path}.cookie.ttl`, 'generated cookies')
      return (info) => cookie(info.requestHeaders?.get('cookie') ?? '', name)
    }
    case 'connectionProperties':
      return (info) => (specifier.value.sourceIp ? info.remoteAddress : undefined)
    case 'queryParameter':
      return (info) => queryParameters(info.requestHeaders?.get(':path') ?? '').get(specifier.value.name)
    case 'filterState':
      return (info) => info.filterState?.get(specifier.value.key)?.toString('latin1')
    default:
      throw unsupported(path, 'hash policy')
  }
}

export function cookie(header: string, name: string): string | undefined {
  for (const part of header.split(';')) {
    const equals = part.indexOf('=')
    if (equals !== -1 && part.slice(0, equals).trim() === name)
      return part
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1')
  }
  return undefined
}
