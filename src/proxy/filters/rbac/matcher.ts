import { type Action, ActionSchema, RBAC_Action } from '../../../../gen/envoy/config/rbac/v3/rbac_pb.ts'
import {
  type Config as EnvironmentVariable,
  ConfigSchema as EnvironmentVariableSchema,
} from '../../../../gen/envoy/extensions/matching/common_inputs/environment_variable/v3/input_pb.ts'
import {
  DestinationIPInputSchema,
  DestinationPortInputSchema,
  DirectSourceIPInputSchema,
  type FilterStateInput,
  FilterStateInputSchema,
  ServerNameInputSchema,
  SourceIPInputSchema,
  SourcePortInputSchema,
} from '../../../../gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.ts'
import {
  DnsSanInputSchema,
  SubjectInputSchema,
  UriSanInputSchema,
} from '../../../../gen/envoy/extensions/matching/common_inputs/ssl/v3/ssl_inputs_pb.ts'
import {
  type HttpRequestHeaderMatchInput,
  HttpRequestHeaderMatchInputSchema,
} from '../../../../gen/envoy/type/matcher/v3/http_inputs_pb.ts'
import type { Matcher } from '../../../../gen/xds/type/matcher/v3/matcher_pb.ts'
import { byteString } from '../../../base/byte-string.ts'
import { invalid, unsupported } from '../../config/fields.ts'
import { environmentInput, filterStateInput, headerInput } from '../../match/common-inputs.ts'
import { type MatchInput, type MatchTree, matchTree } from '../../match/tree.ts'
import { UNDECIDED } from '../../match/undecided.ts'
import type { CertificateInfo } from '../../network/connection-info.ts'
import type { Decider, Subject, Verdict } from './engine.ts'

/** `matcher` of RBAC: xDS's generic matching, whose actions allow or deny. */
export class RbacMatcher implements Decider {
  readonly #tree: MatchTree<Subject, Action>
  /** One of the actions is LOG: then each match tells access logs whether it was one. */
  readonly #logs: boolean

  constructor(matcher: Matcher, path: string, http: boolean) {
    let logs = false
    this.#tree = matchTree(matcher, path, {
      input: (typeName, message, where) => input(typeName, message, where, http),
      action(typeName, message, where) {
        if (typeName !== ActionSchema.typeName) throw invalid(where, `${typeName} is no ${ActionSchema.typeName}`)
        const action = message as Action
        if (action.name === '') throw invalid(`${where}.name`, 'is missing')
        logs ||= action.action === RBAC_Action.LOG
        return action
      },
    })
    this.#logs = logs
  }

  /** What matches nothing is denied. */
  check(subject: Subject): Verdict {
    const found = this.#tree(subject)
    if (found === undefined) return NOTHING
    const hint = this.#logs ? found.action === RBAC_Action.LOG : undefined
    return { allowed: found.action !== RBAC_Action.DENY, policy: found.name, hint }
  }
}

const NOTHING: Verdict = { allowed: false, policy: undefined, hint: undefined }

/** Those that Envoy's RBAC takes. */
const INPUTS: Readonly<Record<string, MatchInput<Subject>>> = {
  [DestinationIPInputSchema.typeName]: ({ connection }) => connection.localAddress || undefined,
  [DestinationPortInputSchema.typeName]: ({ connection }) => String(connection.localPort),
  [SourceIPInputSchema.typeName]: ({ remoteAddress }) => remoteAddress || undefined,
  [SourcePortInputSchema.typeName]: ({ info, connection }) => String(info?.remotePort ?? connection.remotePort),
  [DirectSourceIPInputSchema.typeName]: ({ connection }) => connection.directRemoteAddress || undefined,
  [ServerNameInputSchema.typeName]: ({ connection }) => text(connection.requestedServerName),
  [UriSanInputSchema.typeName]: certificate(({ uriSans }) => uriSans.join(',')),
  [DnsSanInputSchema.typeName]: certificate(({ dnsSans }) => dnsSans.join(',')),
  [SubjectInputSchema.typeName]: certificate(({ subject }) => subject),
}

/** Of the client, which only TLS has. */
function certificate(read: (peer: CertificateInfo) => string): MatchInput<Subject> {
  return ({ connection: { tls } }) => (tls === undefined ? UNDECIDED : text(tls.peer && read(tls.peer)))
}

function text(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : byteString(value)
}

function input(typeName: string, message: unknown, path: string, http: boolean): MatchInput<Subject> {
  if (Object.hasOwn(INPUTS, typeName)) return INPUTS[typeName]
  switch (typeName) {
    case FilterStateInputSchema.typeName: {
      const read = filterStateInput(message as FilterStateInput, path)
      return ({ filterState }) => read(filterState)
    }
    case EnvironmentVariableSchema.typeName:
      return environmentInput(message as EnvironmentVariable, path)
    case HttpRequestHeaderMatchInputSchema.typeName: {
      if (!http) throw invalid(path, 'a connection has no headers')
      const read = headerInput(message as HttpRequestHeaderMatchInput)
      return ({ headers }) => headers && read(headers)
    }
    default:
      throw unsupported(path, `input ${typeName}`)
  }
}
