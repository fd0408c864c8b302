/** `internal_redirect_policy`: which redirects of the upstream the proxy follows itself. */
import {
  type InternalRedirectPolicy,
  InternalRedirectPolicySchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import {
  type AllowListedRoutesConfig,
  AllowListedRoutesConfigSchema,
} from '../../../gen/envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config_pb.ts'
import { PreviousRoutesConfigSchema } from '../../../gen/envoy/extensions/internal_redirect/previous_routes/v3/previous_routes_config_pb.ts'
import { SafeCrossSchemeConfigSchema } from '../../../gen/envoy/extensions/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme_config_pb.ts'
import { unpack } from '../config/any.ts'
import { invalid, onlyFields, unsupported } from '../config/fields.ts'

/** What a request that was redirected takes along. */
export interface RedirectState {
  count: number
  /** Where each route has sent it already. */
  readonly targets: Map<string, Set<string>>
}

/** A redirect that is to be followed. */
interface RedirectTarget {
  /** Names of the route that the request is on, and of the one that it would come to. */
  readonly from: string
  readonly to: string
  readonly fromHttps: boolean
  readonly toHttps: boolean
  readonly state: RedirectState
}

type Predicate = (target: RedirectTarget) => boolean

const FIELDS = [
  'max_internal_redirects',
  'redirect_response_codes',
  'predicates',
  'allow_cross_scheme_redirect',
  'response_headers_to_copy',
]

const CODES = [301, 302, 303, 307, 308]

/** A compiled InternalRedirectPolicy. */
export class InternalRedirects {
  readonly max: number
  readonly codes: ReadonlySet<number>
  readonly crossScheme: boolean
  /** Headers of the redirect that the next request takes along. */
  readonly copied: readonly string[]
  readonly #predicates: readonly Predicate[]

  constructor(proto: InternalRedirectPolicy, path: string) {
    onlyFields(InternalRedirectPolicySchema, proto, FIELDS, path)
    this.max = proto.maxInternalRedirects ?? 1
    const codes = proto.redirectResponseCodes
    const foreign = codes.findIndex((code) => !CODES.includes(code))
    if (foreign !== -1)
      throw invalid(`${path}.redirect_response_codes[${foreign}]`, `must be one of ${CODES.join(', ')}`)
    this.codes = new Set(codes.length === 0 ? [302] : codes)
    this.crossScheme = proto.allowCrossSchemeRedirect
    this.copied = proto.responseHeadersToCopy.map((name, i) => {
      const lower = name.toLowerCase()
      if (lower === '' || lower === 'host' || lower.startsWith(':'))
        throw invalid(`${path}.response_headers_to_copy[${i}]`, `«${name}» cannot be copied`)
      return lower
    })
    this.#predicates = proto.predicates.map(({ typedConfig }, i) => {
      const where = `${path}.predicates[${i}].typed_config`
      if (typedConfig === undefined) throw invalid(where, 'a typed config is missing')
      return predicate(unpack(typedConfig, where), where)
    })
  }

  allows(target: RedirectTarget): boolean {
    return this.#predicates.every((accepts) => accepts(target))
  }
}

function predicate({ typeName, message }: ReturnType<typeof unpack>, path: string): Predicate {
  switch (typeName) {
    case PreviousRoutesConfigSchema.typeName:
      return isNew
    case AllowListedRoutesConfigSchema.typeName: {
      const allowed = new Set((message as AllowListedRoutesConfig).allowedRouteNames)
      return ({ to }) => allowed.has(to)
    }
    case SafeCrossSchemeConfigSchema.typeName:
      return ({ fromHttps, toHttps }) => fromHttps || !toHttps
    default:
      throw unsupported(path, `predicate ${typeName}`)
  }
}

/** Each route may redirect a request to another one once. */
function isNew({ from, to, state: { targets } }: RedirectTarget): boolean {
  let known = targets.get(from)
  if (known === undefined) {
    known = new Set()
    targets.set(from, known)
  }
  if (known.has(to)) return false
  known.add(to)
  return true
}
