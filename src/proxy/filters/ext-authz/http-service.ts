import {
  AuthorizationRequestSchema,
  AuthorizationResponseSchema,
  type HttpService,
  HttpServiceSchema,
} from '../../../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.ts'
import { BodyBuffer } from '../../../base/body-buffer.ts'
import { byteString, textOf } from '../../../base/byte-string.ts'
import { HeaderMap } from '../../../base/header-map.ts'
import { type AsyncResponse, asyncRequest } from '../../cluster/async-client.ts'
import { invalid, onlyFields } from '../../config/fields.ts'
import { httpServer } from '../../config/http-uri.ts'
import type { FactoryContext } from '../../context.ts'
import { HeaderMutations } from '../../http/header-mutations.ts'
import { reasonOf } from '../../http1/serialize.ts'
import type { TextMatch } from '../../match/string.ts'
import type { Action, HeaderChange } from './header-change.ts'
import { anyOf, type HeadersToSend, PARTIAL_BODY } from './headers.ts'
import { type Check, ERROR, NONE, tagStatus, type Verdict } from './verdict.ts'

/** Headers that go to the server in any case. */
const ALWAYS = new Set(['authorization', ':authority', ':method', ':path', 'content-length'])
/** An answer lists in it which headers of the request go no further. */
const TO_REMOVE = 'x-envoy-auth-headers-to-remove'

/** A server that is asked with the request itself: its status is the answer. */
export function httpCheck(
  service: HttpService,
  { allowed, disallowed }: HeadersToSend,
  context: FactoryContext,
): Check {
  const path = 'ext_authz.http_service'
  onlyFields(
    HttpServiceSchema,
    service,
    ['server_uri', 'path_prefix', 'authorization_request', 'authorization_response'],
    path,
  )
  const request = service.authorizationRequest
  const response = service.authorizationResponse
  if (request !== undefined)
    onlyFields(
      AuthorizationRequestSchema,
      request,
      ['allowed_headers', 'headers_to_add'],
      `${path}.authorization_request`,
    )
  if (response !== undefined) {
    onlyFields(
      AuthorizationResponseSchema,
      response,
      [
        'allowed_upstream_headers',
        'allowed_upstream_headers_to_append',
        'allowed_client_headers',
        'allowed_client_headers_on_success',
        'dynamic_metadata_from_headers',
      ],
      `${path}.authorization_response`,
    )
  }
  const { uri, cluster, timeoutMs } = httpServer(service.serverUri, `${path}.server_uri`)
  const authority = URL.canParse(uri) ? new URL(uri).host : byteString(cluster)
  const pathPrefix = byteString(service.pathPrefix)
  if (pathPrefix !== '' && !pathPrefix.startsWith('/')) throw invalid(`${path}.path_prefix`, 'must begin with /')
  const addedPath = `${path}.authorization_request.headers_to_add`
  const added = HeaderMutations.overwriting(request?.headersToAdd ?? [], addedPath)
  const upstream = anyOf(response?.allowedUpstreamHeaders, `${path}.authorization_response.allowed_upstream_headers`)
  const appended = anyOf(
    response?.allowedUpstreamHeadersToAppend,
    `${path}.authorization_response.allowed_upstream_headers_to_append`,
  )
  const client = anyOf(response?.allowedClientHeaders, `${path}.authorization_response.allowed_client_headers`)
  const onSuccess = anyOf(
    response?.allowedClientHeadersOnSuccess,
    `${path}.authorization_response.allowed_client_headers_on_success`,
  )
  const kept = anyOf(
    response?.dynamicMetadataFromHeaders,
    `${path}.authorization_response.dynamic_metadata_from_headers`,
  )

  return ({ info, headers, body, bodyIsWhole, callbacks }, done) => {
    const question = HeaderMap.of([
      [':authority', headers.get(':authority') ?? authority],
      [':path', pathPrefix + (headers.get(':path') ?? '/')],
      [':method', headers.get(':method') ?? 'GET'],
      [':scheme', 'http'],
    ])
    for (const [name, value] of headers) {
      if (name.startsWith(':') || name === 'content-length' || name === PARTIAL_BODY) continue
      if (!(ALWAYS.has(name) || allowed?.(name) === true) || disallowed?.(name) === true) continue
      // As Envoy: in one line.
      const before = question.get(name)
      question.set(name, before === undefined ? value : `${before},${value}`)
    }
    added?.apply(question, info)
    question.set('content-length', String(body?.length ?? 0))
    if (body !== undefined) question.set(PARTIAL_BODY, String(!bodyIsWhole))
    const span = callbacks.traceCall(question, cluster)
    const data = new BodyBuffer()
    if (body !== undefined) data.add(body)
    const answered = (answer: AsyncResponse | undefined) => {
      const status = Number(answer?.headers.get(':status') ?? 0)
      span?.tag('ext_authz_http_status', reasonOf(status))
      tagStatus(span, status === 200)
      if (answer === undefined || status >= 500 || status === 0) {
        done(ERROR)
        return
      }
      const { headers, body } = answer
      const remove = headers.getAll(TO_REMOVE).flatMap(names)
      headers.remove(TO_REMOVE)
      const common = { ...NONE, metadata: metadataOf(headers) }
      if (status === 200) done({ ...common, ...success(headers), remove })
      else done({ ...common, kind: 'denied', status, body: body.linearize().latin1Slice(), reply: denied(headers) })
    }
    const stream = asyncRequest(context.clusters, cluster, question, data, undefined, timeoutMs, answered, span)
    if (stream === undefined) process.nextTick(done, ERROR)
    return () => stream?.reset()
  }

  function success(headers: HeaderMap): Partial<Verdict> {
    return {
      request: [...changes(headers, upstream, 'set'), ...changes(headers, appended, 'add')],
      response: changes(headers, onSuccess, 'add'),
    }
  }

  function metadataOf(headers: HeaderMap): Verdict['metadata'] {
    const found = pick(headers, kept)
    return found.length > 0 ? Object.fromEntries(found.map(([name, value]) => [name, textOf(value)])) : undefined
  }

  /** Without a list the client gets all that the server said; with one, what it names and what makes sense of a refusal. */
  function denied(headers: HeaderMap): [string, string][] {
    return [...headers].filter(([name]) => {
      if (name.startsWith(':') || name === 'content-length' || name === 'date' || name === 'transfer-encoding')
        return false
      return client === undefined || client(name) || name === 'www-authenticate' || name === 'location'
    })
  }
}

function changes(headers: HeaderMap, match: TextMatch | undefined, action: Action): HeaderChange[] {
  return pick(headers, match).map(([name, value]) => ({ name, value, action }))
}

function names(list: string): string[] {
  return list
    .split(',')
    .map((one) => one.trim().toLowerCase())
    .filter((one) => one !== '')
}

function pick(headers: HeaderMap, match: TextMatch | undefined): [string, string][] {
  return match === undefined ? [] : [...headers].filter(([name]) => !name.startsWith(':') && match(name))
}
