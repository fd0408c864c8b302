/** One question of a health check: by HTTP, by TCP, or by gRPC's health protocol. */
import type { Socket } from 'node:net'
import { openSocket } from '../connecting.ts'
import type { EndpointHost } from '../endpoint-host.ts'

/** `unhealthy`: the host says so itself, and no threshold is waited for. `failed`: it said nothing, or nothing of use. */
export type ProbeOutcome = 'healthy' | 'degraded' | 'unhealthy' | 'failed'

/** Asks one host. */
export interface Probe {
  /** Calls back once, in a later tick. Not called again before that. */
  check(done: (outcome: ProbeOutcome) => void): void
  /** Gives up what is under way, and the connection that is kept. */
  close(): void
}

/** What all kinds of questions need to know. */
export interface ProbeSettings {
  readonly clusterName: string
  readonly timeoutMs: number
  /** Keep the connection for the next question. */
  readonly reuse: boolean
  readonly path: string
}

/** Makes what asks one host. */
export type ProbeFactory = (host: EndpointHost) => Probe

/**
 * A connection of the checker's own: it is made for nobody, and PROXY protocol says so. A host whose certificate requests would not accept is
 * not asked: the socket fails.
 */
export function openProbe(host: EndpointHost): Socket {
  const { tls, proxyHeader } = host.transport
  const socket = openSocket(host, tls, proxyHeader?.(undefined), host.settings.healthPort)
  if (tls !== undefined) {
    socket.once('secureConnect', () => {
      const refused = tls.verify(socket)
      if (refused !== undefined) socket.destroy(new Error(refused))
    })
  }
  return socket
}
