/** A collector that takes OTLP by gRPC and by HTTP and keeps the spans; it shares no code with the exporter. */
import { createServer as createHttp, type Server as HttpServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { within } from '../within.ts'

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string
  readonly traceState: string
  readonly name: string
  readonly kind: number
  readonly start: bigint
  readonly end: bigint
  readonly status: number
  readonly attributes: Readonly<Record<string, string>>
  readonly resource: Readonly<Record<string, string>>
}

export interface Collector {
  readonly grpcPort: number
  readonly httpPort: number
  readonly spans: ReceivedSpan[]
  /** Headers of the last HTTP request. */
  readonly httpHeaders: () => IncomingHttpHeaders | undefined
  /** Waits until that many spans are there. */
  until(count: number): Promise<ReceivedSpan[]>
  close(): Promise<void>
}

export async function startCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = []
  let waiting: { count: number; done: () => void }[] = []
  const take = (bytes: Uint8Array) => {
    spans.push(...decodeRequest(bytes))
    for (const one of waiting) if (spans.length >= one.count) one.done()
    waiting = waiting.filter((one) => spans.length < one.count)
  }
  const grpc = new Server()
  const same = (bytes: Buffer) => bytes
  const method = {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  } as const
  grpc.addService(
    { export: method },
    {
      export: (call: { request: Buffer }, reply: (error: null, answer: Buffer) => void) => {
        take(call.request)
        reply(null, Buffer.alloc(0))
      },
    },
  )
  const grpcPort = await new Promise<number>((resolve, reject) =>
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  )
  let headers: IncomingHttpHeaders | undefined
  const http: HttpServer = createHttp((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      headers = request.headers
      take(Buffer.concat(chunks))
      response.end()
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    grpcPort,
    httpPort: (http.address() as AddressInfo).port,
    spans,
    httpHeaders: () => headers,
    async until(count) {
      if (spans.length >= count) return spans
      const there = new Promise<void>((done) => waiting.push({ count, done }))
      await within(`${count} spans`, there, () => `${spans.length} have come`)
      return spans
    },
    async close() {
      grpc.forceShutdown()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

/** The fields of a message by number, as bytes or numbers. */
function fields(bytes: Uint8Array): Map<number, (Uint8Array | bigint)[]> {
  const reader = new BinaryReader(bytes)
  const found = new Map<number, (Uint8Array | bigint)[]>()
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    const values = found.get(field) ?? []
    found.set(field, values)
    if (type === WireType.LengthDelimited) values.push(reader.bytes())
    else if (type === WireType.Varint) values.push(BigInt(reader.uint64()))
    else if (type === WireType.Bit64) values.push(BigInt(reader.fixed64()))
    else if (type === WireType.Bit32) values.push(BigInt(reader.fixed32()))
    else throw new Error(`wire type ${type} of field ${field}`)
  }
  return found
}

type Fields = ReturnType<typeof fields>

function messages(of: Fields, field: number): Uint8Array[] {
  return (of.get(field) ?? []) as Uint8Array[]
}

function bytesOf(of: Fields, field: number): Buffer {
  return Buffer.from(messages(of, field)[0] ?? [])
}

function numberOf(of: Fields, field: number): bigint {
  return ((of.get(field) ?? [])[0] ?? 0n) as bigint
}

function attributes(of: Fields, field: number): Record<string, string> {
  const pairs = messages(of, field).map((bytes) => {
    const pair = fields(bytes)
    const value = fields(bytesOf(pair, 2))
    return [bytesOf(pair, 1).toString(), bytesOf(value, 1).toString()] as const
  })
  return Object.fromEntries(pairs)
}

function decodeRequest(bytes: Uint8Array): ReceivedSpan[] {
  const spans: ReceivedSpan[] = []
  for (const group of messages(fields(bytes), 1).map(fields)) {
    const resource = attributes(fields(bytesOf(group, 1)), 1)
    for (const scope of messages(group, 2).map(fields)) {
      for (const span of messages(scope, 2).map(fields)) {
        spans.push({
          traceId: bytesOf(span, 1).toString('hex'),
          spanId: bytesOf(span, 2).toString('hex'),
          traceState: bytesOf(span, 3).toString(),
          parentId: bytesOf(span, 4).toString('hex'),
          name: bytesOf(span, 5).toString(),
          kind: Number(numberOf(span, 6)),
          start: numberOf(span, 7),
          end: numberOf(span, 8),
          attributes: attributes(span, 9),
          status: Number(numberOf(fields(bytesOf(span, 15)), 3)),
          resource,
        })
      }
    }
  }
  return spans
}
