import { createHash, timingSafeEqual } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { Request } from './http/exchange.ts'
import type { User } from './rest/context.ts'

const ADMIN_GROUPS = ['system:masters', 'system:authenticated']

/** One admin, by token or by a certificate of our CA. Anonymous requests reach only the health endpoints. */
export class Authenticator {
  readonly #tokenHash: Buffer

  constructor(token: string) {
    this.#tokenHash = hash(token)
  }

  authenticate(request: Request): User | undefined {
    const header = request.headers.authorization
    if (header !== undefined) {
      const token = /^Bearer\s+(\S+)$/i.exec(header)?.[1]
      // Hashed first, so that the comparison takes the same time whatever was sent.
      if (token === undefined || !timingSafeEqual(hash(token), this.#tokenHash)) return undefined
      return { name: 'sluice-admin', groups: ADMIN_GROUPS }
    }
    const socket = ('stream' in request ? request.stream.session?.socket : request.socket) as TLSSocket | undefined
    if (socket?.authorized !== true) return undefined
    const subject = socket.getPeerCertificate().subject
    const groups = subject.O === undefined ? [] : [subject.O].flat()
    return { name: String(subject.CN ?? ''), groups: [...groups, 'system:authenticated'] }
  }
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
