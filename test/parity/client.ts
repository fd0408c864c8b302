import { connect } from 'node:net'
import type { Step } from './case.ts'
import { performHttp2 } from './http2-client.ts'
import { type Message, readMessage } from './message.ts'
import { requestText } from './text.ts'

const LIMIT_MS = 6_000
/** How long a connection is watched after the last response: whether the proxy closes it. */
const LINGER_MS = 60

export interface Seen {
  readonly responses: readonly Message[]
  readonly rest: string
  readonly closed: boolean
}

/** One connection: sends the step's request and reads what comes until all responses are there. */
export function perform(port: number, step: Step): Promise<Seen> {
  const { send, beside = [], responses: wanted = 1 } = step
  if (send.version === 'HTTP/2') return performHttp2(port, [send, ...beside])
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const methods = methodsOf(requestText(send))
    let text = ''
    let closed = false
    let timer = setTimeout(done, LIMIT_MS)
    function done(): void {
      clearTimeout(timer)
      socket.destroy()
      resolve({ ...parseAll(text, methods, closed), closed })
    }
    function look(): void {
      const { responses } = parseAll(text, methods, closed)
      const finals = responses.filter(
        (one) => one.complete && (!one.start.includes(' 1') || one.start.includes(' 101 ')),
      )
      if (!closed && finals.length < wanted) return
      clearTimeout(timer)
      timer = setTimeout(done, closed ? 0 : (step.waitMs ?? LINGER_MS))
    }
    socket.on('data', (data) => {
      text += data.toString('latin1')
      look()
    })
    socket.on('error', () => {})
    const ended = () => {
      closed = true
      look()
    }
    socket.on('end', ended)
    socket.on('close', ended)
    socket.on('connect', () => {
      socket.write(requestText(send), 'latin1')
      const { then } = send
      if (then === undefined) return
      setTimeout(() => {
        if (then.raw !== undefined) socket.write(then.raw, 'latin1')
        if (then.end === true) socket.end()
      }, then.afterMs)
    })
  })
}

function methodsOf(text: string): string[] {
  return [...text.matchAll(/(?:^|\n)([A-Z]+) \S+ HTTP\/1/g)].map(([, method]) => method)
}

function parseAll(text: string, methods: readonly string[], ended: boolean): { responses: Message[]; rest: string } {
  const responses: Message[] = []
  let rest = text
  let at = 0
  for (;;) {
    const method = methods[at]
    const bodiless = (status: number) =>
      method === 'HEAD' || status === 204 || status === 304 || (method === 'CONNECT' && status < 300)
    const read = readMessage(rest, { isResponse: true, bodiless, ended })
    if (read === undefined) return { responses, rest }
    responses.push(read.message)
    rest = rest.slice(read.length)
    const status = Number(read.message.start.split(' ')[1])
    // What follows a tunnel's head is no HTTP.
    if (status === 101 || (method === 'CONNECT' && status < 300)) return { responses, rest }
    if (status >= 200) at++
    if (!read.message.complete) return { responses, rest }
  }
}
