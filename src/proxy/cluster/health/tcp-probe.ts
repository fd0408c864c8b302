import type { Socket } from 'node:net'
import {
  type HealthCheck_TcpHealthCheck,
  HealthCheck_TcpHealthCheckSchema,
} from '../../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { onlyFields } from '../../config/fields.ts'
import type { EndpointHost } from '../endpoint-host.ts'
import { containsInOrder, payloadBytes } from './payload.ts'
import { openProbe, type Probe, type ProbeFactory, type ProbeOutcome, type ProbeSettings } from './probe.ts'

/** Enough for any greeting; what answers more without the expected bytes fails. */
const MAX_ANSWER = 64 * 1024

/** Connects and, where told, sends bytes and waits for others. */
export function tcpProbe(tcp: HealthCheck_TcpHealthCheck, settings: ProbeSettings): ProbeFactory {
  const { path } = settings
  onlyFields(HealthCheck_TcpHealthCheckSchema, tcp, ['send', 'receive'], path)
  const send = tcp.send === undefined ? undefined : payloadBytes(tcp.send, `${path}.send`)
  const receive = tcp.receive.map((payload, i) => payloadBytes(payload, `${path}.receive[${i}]`))
  return (host) => new TcpProbe(host, settings, send, receive)
}

class TcpProbe implements Probe {
  readonly #host: EndpointHost
  readonly #settings: ProbeSettings
  readonly #send: Buffer | undefined
  readonly #receive: readonly Buffer[]
  #socket: Socket | undefined
  #answer: Buffer = Buffer.alloc(0)
  #timer: NodeJS.Timeout | undefined
  #done: ((outcome: ProbeOutcome) => void) | undefined

  constructor(host: EndpointHost, settings: ProbeSettings, send: Buffer | undefined, receive: readonly Buffer[]) {
    this.#host = host
    this.#settings = settings
    this.#send = send
    this.#receive = receive
  }

  check(done: (outcome: ProbeOutcome) => void): void {
    this.#done = done
    this.#answer = Buffer.alloc(0)
    this.#timer = setTimeout(() => this.#finish('failed'), this.#settings.timeoutMs)
    if (this.#socket === undefined) this.#open()
    else this.#ask(this.#socket)
  }

  close(): void {
    this.#done = undefined
    clearTimeout(this.#timer)
    this.#socket?.destroy()
    this.#socket = undefined
  }

  #open(): void {
    const socket = openProbe(this.#host)
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket === socket) this.#finish('failed')
    })
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.once(this.#host.transport.tls === undefined ? 'connect' : 'secureConnect', () => {
      if (!socket.destroyed) this.#ask(socket)
    })
  }

  #ask(socket: Socket): void {
    if (this.#send !== undefined) socket.write(this.#send)
    // Nothing to wait for: that it took the connection is the answer, and the next one is asked for with a new one.
    if (this.#receive.length === 0) this.#finish('healthy', false)
  }

  #onData(chunk: Buffer): void {
    if (this.#done === undefined) return
    this.#answer = Buffer.concat([this.#answer, chunk])
    if (containsInOrder(this.#answer, this.#receive)) this.#finish('healthy')
    else if (this.#answer.length > MAX_ANSWER) this.#finish('failed')
  }

  #finish(outcome: ProbeOutcome, keep = outcome === 'healthy' && this.#settings.reuse): void {
    const done = this.#done
    this.#done = undefined
    clearTimeout(this.#timer)
    if (!keep) {
      this.#socket?.destroy()
      this.#socket = undefined
    }
    done?.(outcome)
  }
}
