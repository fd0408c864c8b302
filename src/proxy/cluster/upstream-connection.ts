import type { Socket } from 'node:net'
import { addressText } from '../http/address-text.ts'
import type { TlsInfo } from '../network/connection-info.ts'

let lastId = 0

/** What stays known of a connection to a host, also when it is closed: logs are written then. */
export class UpstreamConnection {
  /** Unique within the thread. */
  readonly id = ++lastId
  /** `ip:port`; of an internal listener its own address. */
  readonly localAddress: string
  readonly tls: TlsInfo | undefined
  /** By the monotonic clock: the attempt began, was connected, and had its TLS (0: none). */
  readonly beganMono: number
  readonly connectedMono: number
  readonly securedMono: number
  /** False: a CONNECT ends here, and its bytes go there as they are. */
  carriesHttp = true

  constructor(socket: Socket, tls: TlsInfo | undefined, beganMono: number, connectedMono: number, securedMono: number) {
    this.localAddress = addressText(socket.localAddress ?? '', socket.localPort ?? 0)
    this.tls = tls
    this.beganMono = beganMono
    this.connectedMono = connectedMono
    this.securedMono = securedMono
  }
}
