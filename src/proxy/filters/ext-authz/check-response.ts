import { fromBinary } from '@bufbuild/protobuf'
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
} from '../../../../gen/envoy/config/core/v3/base_pb.ts'
import {
  type CheckResponse,
  CheckResponseSchema,
  type DeniedHttpResponse,
  type OkHttpResponse,
} from '../../../../gen/envoy/service/auth/v3/external_auth_pb.ts'
import { byteString } from '../../../base/byte-string.ts'
import type { Action, HeaderChange } from './header-change.ts'
import { ERROR, NONE, type Verdict } from './verdict.ts'

/** What an answer means (Envoy's GrpcClientImpl::onSuccess). */
export function verdictOf(bytes: Buffer): Verdict {
  let response: CheckResponse
  try {
    response = fromBinary(CheckResponseSchema, bytes)
  } catch {
    return ERROR
  }
  const { status, httpResponse: said, dynamicMetadata } = response
  // The older place goes before the newer one.
  const metadata = (said.case === 'okResponse' ? said.value.dynamicMetadata : undefined) ?? dynamicMetadata
  if ((status?.code ?? 0) === 0)
    return { ...NONE, ...(said.case === 'okResponse' ? allowed(said.value) : {}), metadata }
  if (said.case === 'errorResponse') return { ...refused(said.value), kind: 'error', metadata }
  if (said.case !== 'deniedResponse') return { ...ERROR, kind: 'denied', status: 403, metadata }
  const { status: code, headers } = said.value
  // Envoy does not look at those that are to be appended.
  const heard = headers.filter(({ append }) => append !== true)
  return { ...refused({ ...said.value, headers: heard }), kind: 'denied', status: code?.code || 403, metadata }
}

function allowed(ok: OkHttpResponse): Partial<Verdict> {
  const request = ok.headers.map((option) => change(option, option.append === true ? 'append' : 'set'))
  const response = ok.responseHeadersToAdd.flatMap((option) => {
    const action = responseAction(option)
    return action === undefined ? [] : [change(option, action)]
  })
  return {
    request: inTurn(request, ['set', 'append']),
    response: inTurn(response, ['add', 'set', 'add-if-absent', 'set-if-present']),
    remove: ok.headersToRemove.map(lower),
    setParameters: ok.queryParametersToSet.map(({ key, value }) => [byteString(key), byteString(value)]),
    removeParameters: ok.queryParametersToRemove.map(byteString),
    odd: ok.responseHeadersToAdd.some((option) => responseAction(option) === undefined),
  }
}

/** Envoy keeps a list of each kind. */
function inTurn(changes: readonly HeaderChange[], order: readonly Action[]): HeaderChange[] {
  return order.flatMap((action) => changes.filter((one) => one.action === action))
}

function refused(reply: DeniedHttpResponse): Verdict {
  return {
    ...ERROR,
    status: reply.status?.code ?? 0,
    body: byteString(reply.body),
    reply: reply.headers.map(({ header }) => [lower(header?.key ?? ''), byteString(header?.value ?? '')]),
  }
}

const ACTIONS: Readonly<Record<number, Action>> = {
  [AppendAction.APPEND_IF_EXISTS_OR_ADD]: 'add',
  [AppendAction.ADD_IF_ABSENT]: 'add-if-absent',
  [AppendAction.OVERWRITE_IF_EXISTS_OR_ADD]: 'set',
  [AppendAction.OVERWRITE_IF_EXISTS]: 'set-if-present',
}

/** `undefined`: one that nobody knows. */
function responseAction({ append, appendAction }: HeaderValueOption): Action | undefined {
  if (append === undefined) return ACTIONS[appendAction]
  return append ? 'add' : 'set'
}

function change({ header }: HeaderValueOption, action: Action): HeaderChange {
  return { name: lower(header?.key ?? ''), value: byteString(header?.value ?? ''), action }
}

function lower(name: string): string {
  return byteString(name.toLowerCase())
}
