/** Role based access control, for HTTP requests and for connections (`envoy.config.rbac.v3`). */
import {
  type Permission,
  type Permission_Set,
  PermissionSchema,
  type Policy,
  PolicySchema,
  type Principal,
  PrincipalSchema,
  type RBAC,
  RBAC_Action,
  RBACSchema,
} from '../../../../gen/envoy/config/rbac/v3/rbac_pb.ts'
import { HeaderMap } from '../../../base/header-map.ts'
import { invalid, onlyFields, unsupported } from '../../config/fields.ts'
import type { AttributePlace } from '../../http/attributes.ts'
import { celCondition } from '../../http/expression.ts'
import { StreamInfo } from '../../http/stream-info.ts'
import { type AddressMatch, cidrMatch } from '../../match/cidr.ts'
import { headerMatch } from '../../match/header.ts'
import { bytesMatch, stringMatch, type TextMatch } from '../../match/string.ts'
import { uriTemplateMatch } from '../../match/uri-template.ts'
import { metadataMatch } from '../../match/value.ts'
import type { ConnectionInfo } from '../../network/connection-info.ts'
import { pathOnly } from '../../route/route-match.ts'

/** What rules are asked about. Connections have no headers, and nothing about headers matches them. */
export interface Subject {
  /** Absent for a connection. */
  readonly info?: StreamInfo
  readonly connection: ConnectionInfo
  readonly remoteAddress: string
  readonly headers: HeaderMap | undefined
  readonly metadata: ReadonlyMap<string, Record<string, unknown>> | undefined
  readonly filterState: ReadonlyMap<string, Buffer> | undefined
}

/** What a decider says of one subject. */
export interface Verdict {
  readonly allowed: boolean
  /** The policy that matched; undefined: none. */
  readonly policy: string | undefined
  /** What access logs are told (`access_log_hint`); undefined: nothing. */
  readonly hint: boolean | undefined
}

/** Rules, or a matcher. */
export interface Decider {
  check(subject: Subject): Verdict
}

/** As details of a refusal name the policy of a verdict. */
export function policyName({ policy }: Verdict): string {
  return policy ?? 'none'
}

type Rule = (subject: Subject) => boolean

/** A prefix of statistics as Envoy joins it. */
export function dotted(prefix: string): string {
  return prefix === '' || prefix.endsWith('.') ? prefix : `${prefix}.`
}

/** The rules of one config. Policies are asked in the order of their names, as in Envoy: the first that matches is told. */
export class RbacEngine implements Decider {
  readonly #action: RBAC_Action
  readonly #policies: readonly { readonly name: string; readonly matches: Rule }[]

  constructor(rules: RBAC, path: string, place: AttributePlace) {
    onlyFields(RBACSchema, rules, ['action', 'policies'], path)
    this.#action = rules.action
    // Envoy sorts policies by name, so the first that matches is always the same.
    this.#policies = Object.entries(rules.policies)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, policy]) => ({ name, matches: compilePolicy(policy, `${path}.policies["${name}"]`, place) }))
  }

  check(subject: Subject): Verdict {
    const match = this.#policies.find(({ matches }) => matches(subject))
    const policy = match?.name
    // Refuses nobody: it tells access logs what it matches.
    if (this.#action === RBAC_Action.LOG) return { allowed: true, policy, hint: policy !== undefined }
    return { allowed: (match !== undefined) === (this.#action === RBAC_Action.ALLOW), policy, hint: undefined }
  }
}

function compilePolicy(policy: Policy, path: string, place: AttributePlace): Rule {
  // Envoy takes `checked_condition` and ignores it: a policy that seems narrower than it is.
  onlyFields(PolicySchema, policy, ['permissions', 'principals', 'condition'], path)
  const permissions = any(
    some(policy.permissions, `${path}.permissions`).map((p, i) => permission(p, `${path}.permissions[${i}]`)),
  )
  const principals = any(
    some(policy.principals, `${path}.principals`).map((p, i) => principal(p, `${path}.principals[${i}]`)),
  )
  if (policy.condition === undefined) return (subject) => permissions(subject) && principals(subject)
  const holds = celCondition(policy.condition, `${path}.condition`, place)
  return (subject) => permissions(subject) && principals(subject) && holds(subject.info ?? ofConnection(subject))
}

/** What a condition reads of a connection: to Envoy its request has no headers. */
function ofConnection({ connection, metadata }: Subject): StreamInfo {
  const info = new StreamInfo(connection)
  info.startTime = Date.now()
  info.protocol = ''
  info.requestHeaders = new HeaderMap()
  for (const [namespace, values] of metadata ?? []) info.setDynamicMetadata(namespace, values)
  return info
}

/** Envoy's proto refuses empty lists (`min_items`): of `and_rules` and `and_ids` one would hold for everybody. */
function some<T>(list: readonly T[], path: string): readonly T[] {
  if (list.length === 0) throw invalid(path, 'at least one is needed')
  return list
}

function any(rules: readonly Rule[]): Rule {
  return (subject) => rules.some((rule) => rule(subject))
}

function all(rules: readonly Rule[]): Rule {
  return (subject) => rules.every((rule) => rule(subject))
}

const PERMISSIONS = [
  'and_rules',
  'or_rules',
  'any',
  'header',
  'url_path',
  'destination_ip',
  'destination_port',
  'destination_port_range',
  'metadata',
  'not_rule',
  'requested_server_name',
  'uri_template',
]

function permission(proto: Permission, path: string): Rule {
  onlyFields(PermissionSchema, proto, PERMISSIONS, path)
  const rule = proto.rule
  const set = (value: Permission_Set, name: string) =>
    some(value.rules, `${path}.${name}.rules`).map((r, i) => permission(r, `${path}.${name}.rules[${i}]`))
  switch (rule.case) {
    case 'andRules':
      return all(set(rule.value, 'and_rules'))
    case 'orRules':
      return any(set(rule.value, 'or_rules'))
    case 'any':
      if (!rule.value) throw invalid(`${path}.any`, 'must be true')
      return () => true
    case 'header':
      return header(rule.value, `${path}.header`)
    case 'urlPath':
      return urlPath(rule.value.rule.value, `${path}.url_path.path`)
    case 'destinationIp':
      return address(cidrMatch([rule.value], `${path}.destination_ip`), (s) => s.connection.localAddress)
    case 'destinationPort':
      return (subject) => subject.connection.localPort === rule.value
    case 'destinationPortRange':
      return ({ connection }) => connection.localPort >= rule.value.start && connection.localPort < rule.value.end
    case 'metadata': {
      const match = metadataMatch(rule.value, `${path}.metadata`)
      return (subject) => match(subject.metadata)
    }
    case 'notRule': {
      const inner = permission(rule.value, `${path}.not_rule`)
      return (subject) => !inner(subject)
    }
    case 'requestedServerName': {
      const match = stringMatch(rule.value, `${path}.requested_server_name`)
      return (subject) => match(subject.connection.requestedServerName)
    }
    case 'uriTemplate': {
      const match = uriTemplateMatch(rule.value, `${path}.uri_template`)
      return ({ headers }) => headers !== undefined && match(pathOnly(headers.get(':path') ?? ''))
    }
    default:
      throw invalid(path, 'a rule is missing')
  }
}

const PRINCIPALS = [
  'and_ids',
  'or_ids',
  'any',
  'authenticated',
  'source_ip',
  'direct_remote_ip',
  'remote_ip',
  'header',
  'url_path',
  'metadata',
  'filter_state',
  'not_id',
]

function principal(proto: Principal, path: string): Rule {
  onlyFields(PrincipalSchema, proto, PRINCIPALS, path)
  const id = proto.identifier
  switch (id.case) {
    case 'andIds':
      return all(some(id.value.ids, `${path}.and_ids.ids`).map((p, i) => principal(p, `${path}.and_ids.ids[${i}]`)))
    case 'orIds':
      return any(some(id.value.ids, `${path}.or_ids.ids`).map((p, i) => principal(p, `${path}.or_ids.ids[${i}]`)))
    case 'any':
      if (!id.value) throw invalid(`${path}.any`, 'must be true')
      return () => true
    case 'authenticated': {
      const name = id.value.principalName
      const match = name && stringMatch(name, `${path}.authenticated.principal_name`)
      return (subject) => authenticated(subject.connection, match)
    }
    case 'sourceIp':
    case 'directRemoteIp':
      return address(cidrMatch([id.value], `${path}.${id.case}`), (s) => s.connection.directRemoteAddress)
    case 'remoteIp':
      return address(cidrMatch([id.value], `${path}.remote_ip`), (s) => s.remoteAddress)
    case 'header':
      return header(id.value, `${path}.header`)
    case 'urlPath':
      return urlPath(id.value.rule.value, `${path}.url_path.path`)
    case 'metadata': {
      const match = metadataMatch(id.value, `${path}.metadata`)
      return (subject) => match(subject.metadata)
    }
    case 'filterState': {
      const { key, matcher } = id.value
      if (matcher.case !== 'stringMatch') throw unsupported(`${path}.filter_state`, 'matchers other than string_match')
      const match = stringMatch(matcher.value, `${path}.filter_state.string_match`)
      return (subject) => {
        const value = subject.filterState?.get(key)
        return value !== undefined && match(value.toString('utf8'))
      }
    }
    case 'notId': {
      const inner = principal(id.value, `${path}.not_id`)
      return (subject) => !inner(subject)
    }
    default:
      throw invalid(path, 'an identifier is missing')
  }
}

/**
 * One of the URI names, of the DNS names, or the subject (Envoy's AuthenticatedMatcher). Without a verified certificate a client has an
 * empty subject, which a rule against any name denies; nobody in particular is whom the listener's TLS context lets in.
 */
function authenticated({ tls }: ConnectionInfo, match: TextMatch | undefined): boolean {
  if (tls === undefined) return false
  if (match === undefined) return true
  const peer = tls.mtls ? tls.peer : undefined
  if (peer === undefined) return match('')
  return peer.uriSans.some(match) || peer.dnsSans.some(match) || match(peer.subject)
}

function header(proto: Parameters<typeof headerMatch>[0], path: string): Rule {
  const match = headerMatch(proto, path)
  return (subject) => subject.headers !== undefined && match(subject.headers)
}

function urlPath(proto: Parameters<typeof stringMatch>[0], path: string): Rule {
  const match = bytesMatch(proto, path)
  return (subject) => {
    const value = subject.headers?.get(':path')
    return value !== undefined && match(pathOnly(value))
  }
}

function address(match: AddressMatch, read: (subject: Subject) => string): Rule {
  return (subject) => read(subject) !== '' && match(read(subject))
}
