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
import { durationMs, invalid, onlyFields } from '../../config/fields.ts'
import type { FactoryContext } from '../../context.ts'
import { reasonOf } from '../../http1/serialize.ts'
import type { TextMatch } from '../../match/string.ts'
import { anyOf, type HeadersToSend } from './headers.ts'
import { type Check, ERROR, NONE, tagStatus, type Verdict } from './verdict.ts'

/** Headers that go to the server in any case. */
const ALWAYS = new Set(['authorization', ':authority', ':method', ':path', 'content-length'])

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
  const cluster = service.serverUri?.httpUpstreamType.value
  if (cluster === undefined) throw invalid(`${path}.server_uri.cluster`, 'a cluster is missing')
  const timeoutMs = durationMs(service.serverUri?.timeout, 200)
  const authority = URL.canParse(service.serverUri?.uri ?? '')
    ? new URL(service.serverUri?.uri ?? '').host
    : byteString(cluster)
  const pathPrefix = byteString(service.pathPrefix)
  const sent = allowed ?? anyOf(request?.allowedHeaders, `${path}.authorization_request.allowed_headers`)
  const added = request?.headersToAdd.map(({ key, value }) => [key.toLowerCase(), byteString(value)] as const) ?? []
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

  return ({ headers, body, bodyIsWhole, callbacks }, done) => {
    const question = HeaderMap.of([
      [':authority', headers.get(':authority') ?? authority],
      [':path', pathPrefix + (headers.get(':path') ?? '/')],
      [':method', headers.get(':method') ?? 'GET'],
      [':scheme', 'http'],
    ])
    for (const [name, value] of headers) {
      if (name.startsWith(':') || name === 'content-length') continue
      if ((ALWAYS.has(name) || sent?.(name) === true) && disallowed?.(name) !== true) question.add(name, value)
    }
    for (const [name, value] of added) question.set(name, value)
    question.set('content-length', String(body?.length ?? 0))
    if (body !== undefined) question.set('x-envoy-auth-partial-body', String(!bodyIsWhole))
    const span = callbacks.traceCall(question, cluster)
    const data = new BodyBuffer()
    if (body !== undefined) data.add(body)
    const answered = (answer: AsyncResponse | undefined) => {
      const status = Number(answer?.headers.get(':status') ?? 0)
      span?.tag('ext_authz_http_status', reasonOf(status))
      tagStatus(span, status === 200)
      if (answer === undefined || status >= 500 || status === 0) done(ERROR)
      else if (status === 200) done({ ...NONE, ...success(answer.headers) })
      else
        done({
          ...NONE,
          kind: 'denied',
          status,
          body: answer.body.linearize().latin1Slice(),
          set: denied(answer.headers),
        })
    }
    const stream = asyncRequest(context.clusters, cluster, question, data, undefined, timeoutMs, answered, span)
    if (stream === undefined) process.nextTick(done, ERROR)
    return () => stream?.reset()
  }

  function success(headers: HeaderMap): Partial<Verdict> {
    const pick = (match: TextMatch | undefined) =>
      [...headers].filter(([name]) => !name.startsWith(':') && match?.(name) === true)
    const metadata = pick(kept).map(([name, value]) => [name, textOf(value)])
    return {
      set: pick(upstream),
      append: pick(appended),
      response: pick(onSuccess),
      metadata: metadata.length > 0 ? Object.fromEntries(metadata) : undefined,
    }
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
