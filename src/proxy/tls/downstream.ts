import { constants, createHash, X509Certificate } from 'node:crypto'
import { Socket } from 'node:net'
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  TLSSocket,
  type TlsOptions,
} from 'node:tls'
import {
  type DownstreamTlsContext,
  DownstreamTlsContextSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { durationSeconds, invalid, onlyFields } from '../config/fields.ts'
import type { CertificateInfo } from '../network/connection-info.ts'
import { accepted } from './accepted.ts'
import { CertificateChoice } from './certificate-choice.ts'
import { checkCommonContext } from './common-context.ts'
import type { LoadedCertificates } from './loaded-certificates.ts'
import { protocolBounds } from './parameters.ts'
import {
  type CertificatePem,
  certificateField,
  ownCertificates,
  type PeerValidation,
  type SecretSource,
  validation,
} from './secrets.ts'
import { acceptTicketKeys, configuredTicketKeys, ownTicketKeys } from './session-tickets.ts'
import type { TicketSecret } from './ticket-secret.ts'
import { certificateInfo, SessionInfo } from './tls-info.ts'
import type { VerifyFailure } from './tls-stats.ts'

/**
 * What `tls.Server` does for its sockets after a handshake, and nobody for a socket that is wrapped by hand: ask OpenSSL about the
 * peer's chain (`null`: good), and say that the handshake is over, which node:http2 waits for.
 */
interface ServerSide {
  secureConnecting: boolean
  readonly ssl?: { verifyError(): (Error & { readonly code: string }) | null }
}

/** TLS termination of one filter chain. */
export class DownstreamTls {
  readonly #context: SecureContext
  /** Chooses another one by the name that a client asks for. */
  readonly #choose: TlsOptions['SNICallback']
  readonly #check: PeerValidation | undefined
  readonly #requireClient: boolean
  readonly #protocols: readonly string[]
  /** Those that may be shown, by their fingerprints. */
  readonly #local: ReadonlyMap<string, CertificateInfo>
  readonly loaded: LoadedCertificates

  constructor(config: DownstreamTlsContext, secrets: SecretSource, ticketSecret: TicketSecret, path: string) {
    onlyFields(
      DownstreamTlsContextSchema,
      config,
      [
        'common_tls_context',
        'require_client_certificate',
        'disable_stateless_session_resumption',
        'disable_stateful_session_resumption',
        'session_timeout',
        'session_ticket_keys',
        'session_ticket_keys_sds_secret_config',
        'full_scan_certs_on_sni_mismatch',
      ],
      path,
    )
    const common = config.commonTlsContext
    const where = `${path}.common_tls_context`
    if (common === undefined) throw invalid(where, 'missing')
    checkCommonContext(common, where)
    const own = ownCertificates(common, secrets, where)
    if (own === undefined) throw invalid(where, 'a server needs a certificate')
    const certificate = own.pem
    this.#check = validation(common, secrets, where)
    this.loaded = { shown: own.loaded, authority: this.#check?.authority }
    this.#requireClient = config.requireClientCertificate === true || this.#check?.needsCertificate === true
    this.#protocols = common.alpnProtocols
    const certificates = `${where}.${certificateField(common)}`
    this.#local = accepted(certificates, () => infosOf(certificate))
    const identity = sessionIdentity([...this.#local.values()], this.#requireClient, this.#check)
    const configured = configuredTicketKeys(config, secrets, path)
    const ticketKeys =
      configured === undefined
        ? ownTicketKeys(ticketSecret, JSON.stringify([path, identity, certificate]))
        : () => configured
    const options: SecureContextOptions = {
      ...protocolBounds(common.tlsParams, 'server', `${where}.tls_params`),
      ...resumption(config, path),
      ticketKeys: ticketKeys()[0],
      sessionIdContext: identity,
      ...this.#check?.trust,
    }
    const make = (some: CertificatePem) => {
      const context = createSecureContext({ ...options, ...some })
      // A single key that stays is OpenSSL's own affair.
      if (configured?.length !== 1) acceptTicketKeys(context, ticketKeys)
      // After a HelloRetryRequest Node goes on with the context that was chosen, which has to choose protocols then.
      if (certificate.cert.length > 1 && this.#protocols.length > 0) this.#secured(new Socket(), context).destroy()
      return context
    }
    const choice = accepted(
      certificates,
      () => new CertificateChoice(certificate, config.fullScanCertsOnSniMismatch === true, make),
    )
    this.#context = choice.unnamed
    this.#choose = certificate.cert.length > 1 ? (name, choose) => choose(null, choice.of(name)) : undefined
  }

  /** Takes over a socket whose ClientHello may have been read and put back. */
  wrap(socket: Socket): TLSSocket {
    return this.#secured(socket, this.#context, this.#choose)
  }

  #secured(socket: Socket, secureContext: SecureContext, choose?: TlsOptions['SNICallback']): TLSSocket {
    return new TLSSocket(socket, {
      isServer: true,
      secureContext,
      requestCert: this.#requireClient || this.#check?.trust !== undefined,
      rejectUnauthorized: false,
      ...(choose === undefined ? {} : { SNICallback: choose }),
      ...(this.#protocols.length === 0 ? {} : { ALPNProtocols: [...this.#protocols] }),
    })
  }

  /** After the handshake: why the client is refused, or what is known about it. */
  accept(socket: TLSSocket): { info: SessionInfo } | { refused: VerifyFailure } {
    const server = socket as unknown as ServerSide
    server.secureConnecting = false
    const peer = socket.getPeerX509Certificate()
    const trusted = peer !== undefined && this.#check?.trust !== undefined && server.ssl?.verifyError() === null
    if (this.#requireClient && peer === undefined) return { refused: 'fail_verify_no_cert' }
    if (peer !== undefined && this.#check?.trust !== undefined && !trusted) return { refused: 'fail_verify_error' }
    let pinned: boolean | undefined
    if (peer !== undefined && this.#check !== undefined) {
      if (!this.#check.matchesNames(peer.subjectAltName ?? '')) return { refused: 'fail_verify_san' }
      pinned = this.#check.pinned(peer)
      if (pinned === false) return { refused: 'fail_verify_cert_hash' }
    }
    return {
      info: new SessionInfo(socket, peer, trusted || pinned === true, this.#shown(socket), socket.servername || ''),
    }
  }

  #shown(socket: TLSSocket): CertificateInfo | undefined {
    const [only, another] = this.#local.values()
    return another === undefined ? only : this.#local.get(socket.getX509Certificate()?.fingerprint256 ?? '')
  }
}

function infosOf({ cert }: CertificatePem): ReadonlyMap<string, CertificateInfo> {
  const all = cert.map((pem) => new X509Certificate(pem))
  return new Map(all.map((one) => [one.fingerprint256, certificateInfo(one)]))
}

/**
 * Sessions are resumed by tickets alone: OpenSSL's cache of sessions is not kept, so that there is nothing to turn off by
 * `disable_stateful_session_resumption`.
 */
function resumption(config: DownstreamTlsContext, path: string): SecureContextOptions {
  const { sessionTicketKeysType: keys, sessionTimeout } = config
  const seconds = sessionTimeout === undefined ? undefined : durationSeconds(sessionTimeout)
  if (seconds !== undefined && (seconds < 1 || seconds >= 2 ** 31))
    throw invalid(`${path}.session_timeout`, 'must be at least one second and less than 2^31')
  const off = keys.case === 'disableStatelessSessionResumption' && keys.value
  return {
    ...(seconds === undefined ? {} : { sessionTimeout: Math.floor(seconds) }),
    ...(off ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
  }
}

/**
 * The session ID context, as Envoy makes it: a session is resumed only where the server is the same and asks the same of its clients,
 * though several contexts may have the same keys. OpenSSL takes no more than 32 bytes.
 */
function sessionIdentity(
  shown: readonly CertificateInfo[],
  requireClient: boolean,
  check: PeerValidation | undefined,
): string {
  const names = shown.map(({ subject, issuer, uriSans, dnsSans }) => [subject, issuer, uriSans, dnsSans])
  const parts = JSON.stringify([names, requireClient, check?.identity])
  return createHash('sha256').update(parts).digest('hex').slice(0, 32)
}
