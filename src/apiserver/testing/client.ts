/** Plain HTTPS requests to an API server, for tests of what typed clients hide. */
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { createInterface } from 'node:readline'
import type { ApiServer } from '../index.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the server sends
  readonly body: any
}

// biome-ignore lint/suspicious/noExplicitAny: as in Answer
type Events = any[]

/** `current` is asked for each request, so that tests can restart the server. */
export function clientOf(current: () => ApiServer) {
  function open(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders = {},
    body?: string | Buffer,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        `${current().url}${path}`,
        {
          method,
          ca: current().caPem,
          headers: { authorization: `Bearer ${current().token}`, ...headers },
          agent: false,
        },
        resolve,
      )
      request.on('error', reject)
      request.end(body)
    })
  }

  async function call(
    method: string,
    path: string,
    body?: unknown,
    headers: OutgoingHttpHeaders = {},
  ): Promise<Answer> {
    const text = body === undefined || typeof body === 'string' ? (body as string | undefined) : JSON.stringify(body)
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    const about = text === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) }
    const response = await open(method, path, { ...about, ...headers }, text)
    let answer = ''
    for await (const chunk of response) answer += chunk
    const isJson = /json/.test(response.headers['content-type'] ?? '')
    return { status: response.statusCode ?? 0, headers: response.headers, body: isJson ? JSON.parse(answer) : answer }
  }

  /** Reads events until `enough` says so. */
  async function watch(
    path: string,
    enough: (events: Events) => boolean,
    headers: OutgoingHttpHeaders = {},
  ): Promise<Events> {
    const response = await open('GET', path, headers)
    const events: Events = []
    for await (const line of createInterface({ input: response })) {
      events.push(JSON.parse(line))
      if (enough(events)) break
    }
    response.destroy()
    return events
  }

  return { open, call, watch }
}
