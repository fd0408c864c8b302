import { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { type ConnectionOptions, createSecureContext, type TLSSocket } from 'node:tls'
import {
  type UpstreamTlsContext,
  UpstreamTlsContextSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import type { Cell } from '../../telemetry/metrics.ts'
import { onlyFields } from '../config/fields.ts'
import type { CertificateInfo, TlsInfo } from '../network/connection-info.ts'
import type { StatsScope } from '../stats/scope.ts'
import { accepted } from '../tls/accepted.ts'
import { checkCommonContext } from '../tls/common-context.ts'
import type { LoadedCertificates } from '../tls/loaded-certificates.ts'
import { protocolBounds } from '../tls/parameters.ts'
import { secretNeeds } from '../tls/secret-need.ts'
import { certificateField, ownCertificates, type SecretSource, validation } from '../tls/secrets.ts'
import { certificateInfo, SessionInfo } from '../tls/tls-info.ts'
import { isTlsError, TlsStats, type VerifyFailure } from '../tls/tls-stats.ts'
import { type AutoNames, certificateNames, isServerName } from './auto-names.ts'

/** TLS to the endpoints of a cluster. */
export interface UpstreamTls {
  /** Its secrets have not come in time, or cannot be used: connections are refused, as by Envoy's NotReadySslSocket, and counted here. */
  readonly notReady: Cell | undefined
  /** `undefined`: its secrets have not come. */
  readonly loaded: LoadedCertificates | undefined
  /** `http`: the connection is for requests; `name`: the server that they are for, where that counts. */
  options(http: boolean, name?: string): ConnectionOptions
  /** The reason why the peer is not accepted, of a handshake that is over. */
  verify(socket: Socket, name?: string): string | undefined
  /** The reason why there is no connection. */
  failure(socket: Socket, error: Error): string
  /** What is known of a session that is accepted. */
  info(socket: Socket, name?: string): TlsInfo
}

/** Compiles the TLS context of a cluster; `auto`: its server names come from the requests. */
export function compileUpstreamTls(
  config: UpstreamTlsContext,
  http2: boolean,
  secrets: SecretSource,
  path: string,
  scope: StatsScope,
  auto?: AutoNames,
): UpstreamTls {
  onlyFields(UpstreamTlsContextSchema, config, ['common_tls_context', 'sni', 'max_session_keys'], path)
  const common = config.commonTlsContext
  const where = `${path}.common_tls_context`
  if (common !== undefined) checkCommonContext(common, where)
  if (secretNeeds(common, where).some(({ key, dynamic }) => dynamic && secrets.find(key) === undefined)) {
    const notReady = scope.counter('client_ssl_socket_factory.upstream_context_secrets_not_ready')
    return {
      notReady,
      loaded: undefined,
      options: () => ({}),
      verify: () => undefined,
      failure: (_, { message }) => message,
      info: noSession,
    }
  }
  const own = ownCertificates(common, secrets, where)
  const certificate = own?.pem
  const check = validation(common, secrets, where)
  const options = {
    ...protocolBounds(common?.tlsParams, 'client', `${where}.tls_params`),
    ...(certificate === undefined ? {} : certificate),
    ...check?.trust,
  }
  const certificates = common === undefined ? where : `${where}.${certificateField(common)}`
  const secureContext = accepted(certificates, () => createSecureContext(options))
  // Unless it is told otherwise Envoy offers what the cluster speaks, where it does not hand on bytes only.
  const protocols = [...(common?.alpnProtocols ?? [])]
  const fallback = http2 ? ['h2'] : ['http/1.1']
  const stats = new TlsStats(scope)
  const refuse = (failure: VerifyFailure, reason: string) => {
    stats.failures[failure].value++
    return reasonText(reason)
  }
  let local: CertificateInfo | undefined
  const serverName = (name: string | undefined) =>
    auto?.sni === true && name !== undefined && isServerName(name) ? name : config.sni
  return {
    notReady: undefined,
    loaded: { shown: own?.loaded ?? [], authority: check?.authority },
    options(http, name) {
      const offered = protocols.length === 0 && http ? fallback : protocols
      return {
        secureContext,
        servername: serverName(name),
        // Envoy verifies only when told whom to trust, and names only by the configured matchers.
        rejectUnauthorized: check?.trust !== undefined,
        checkServerIdentity: () => undefined,
        ...(offered.length === 0 ? {} : { ALPNProtocols: offered }),
      }
    },
    verify(socket, name) {
      const tls = socket as TLSSocket
      const named = auto?.san === true && name !== undefined && name !== '' ? name : undefined
      // A name that nobody vouches for says nothing: Envoy connects to no such server either.
      if (named !== undefined && check === undefined) return reasonText('nobody vouches for the name of the server')
      if (check !== undefined) {
        const { raw } = tls.getPeerCertificate()
        if (raw === undefined) return refuse('fail_verify_no_cert', 'the upstream shows no certificate')
        const peer = new X509Certificate(raw)
        const names = peer.subjectAltName ?? ''
        if (named !== undefined) {
          if (!certificateNames(names, named)) return refuse('fail_verify_san', `the certificate is not for ${named}`)
        } else if (!check.matchesNames(names)) return refuse('fail_verify_san', 'no subject alternative name matches')
        if (check.pinned(peer) === false) return refuse('fail_verify_cert_hash', 'certificate hash does not match')
      }
      stats.established(tls, true)
      return http2 && tls.alpnProtocol !== 'h2' ? 'the upstream does not speak HTTP/2' : undefined
    },
    failure(socket, error) {
      // What OpenSSL says, without Node's advice to whoever has written a program.
      if (check?.trust !== undefined && (socket as TLSSocket).authorizationError)
        return refuse('fail_verify_error', `certificate verify failed: ${error.message.split(';', 1)[0]}`)
      if (!isTlsError(error)) return error.message
      stats.errors.value++
      const { library, reason } = error as { library?: string; reason?: string }
      return reasonText(library === undefined || reason === undefined ? error.message : `${library}:${reason}`)
    },
    info(socket, name) {
      local ??= certificate && certificateInfo(new X509Certificate(certificate.cert[0]))
      const tls = socket as TLSSocket
      return new SessionInfo(tls, tls.getPeerX509Certificate(), check?.trust !== undefined, local, serverName(name))
    },
  }
}

/** In Envoy's brackets. */
function reasonText(reason: string): string {
  return `TLS_error:|${reason}:TLS_error_end`
}

function noSession(): never {
  throw new Error('a connection without its secrets')
}
