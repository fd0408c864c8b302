import type { ServerResponse } from 'node:http'
import type { Exchange } from '../http/exchange.ts'

const PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

/** gnostic's openapi.v2.Document with `swagger: "2.0"` (field 1) and `info.title` (2.1). */
const EMPTY = Buffer.concat([
  Buffer.from([0x0a, 3]),
  Buffer.from('2.0'),
  Buffer.from([0x12, 8, 0x0a, 6]),
  Buffer.from('Sluice'),
])

/**
 * A document without kinds. kubectl asks for version 2 when version 3 does not know a kind; without an answer it would
 * report "failed to download openapi" where the truth is `no matches for kind`.
 */
export function serveOpenApiV2(exchange: Exchange): void {
  if (!(exchange.header('accept') ?? '').includes('protobuf')) {
    exchange.sendJson(200, { swagger: '2.0', info: { title: 'Sluice', version: '' }, paths: {} })
    return
  }
  const response = exchange.response as ServerResponse
  response.statusCode = 200
  response.setHeader('content-type', PROTOBUF)
  response.end(EMPTY)
}
