import type { TLSSocket } from 'node:tls'
import type { Cell } from '../../telemetry/metrics.ts'
import type { StatsScope } from '../stats/scope.ts'

/** Why a peer's certificate is refused, by the name of Envoy's counter below `ssl.` */
const VERIFY_FAILURES = [
  'fail_verify_no_cert',
  'fail_verify_error',
  'fail_verify_san',
  'fail_verify_cert_hash',
] as const
export type VerifyFailure = (typeof VERIFY_FAILURES)[number]

/** What a listener or a cluster counts of its TLS sessions in one worker. */
export class TlsStats {
  /** Handshakes that failed, but for those whose peer's certificate is refused. */
  readonly errors: Cell
  readonly failures: Readonly<Record<VerifyFailure, Cell>>
  readonly #scope: StatsScope
  readonly #handshakes: Cell
  readonly #resumed: Cell
  readonly #withoutCertificate: Cell

  /** `scope`: of the listener or the cluster. */
  constructor(scope: StatsScope) {
    this.#scope = scope.scope('ssl.')
    this.errors = this.#scope.counter('connection_error')
    this.#handshakes = this.#scope.counter('handshake')
    this.#resumed = this.#scope.counter('session_reused')
    this.#withoutCertificate = this.#scope.counter('no_certificate')
    this.failures = Object.fromEntries(
      VERIFY_FAILURES.map((name) => [name, this.#scope.counter(name)]),
    ) as TlsStats['failures']
  }

  /** A handshake is over, and the peer taken. */
  established(socket: TLSSocket, peerShown: boolean): void {
    this.#handshakes.value++
    if (socket.isSessionReused()) this.#resumed.value++
    if (!peerShown) this.#withoutCertificate.value++
    // Few, and each begins with the first session that has it.
    this.#scope.counter(`versions.${socket.getProtocol()}`).value++
    this.#scope.counter(`ciphers.${socket.getCipher().name}`).value++
  }
}

/** An error of a socket is one of TLS, and not that it was closed or reset. */
export function isTlsError({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPROTO' || code?.startsWith('ERR_SSL_') === true
}
