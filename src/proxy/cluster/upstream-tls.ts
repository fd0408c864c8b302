import { createHash, X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { type ConnectionOptions, createSecureContext, type TLSSocket } from 'node:tls'
import {
  CommonTlsContextSchema,
  type UpstreamTlsContext,
  UpstreamTlsContextSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import type { Cell } from '../../telemetry/metrics.ts'
import { onlyFields } from '../config/fields.ts'
import type { CertificateInfo, TlsInfo } from '../network/connection-info.ts'
import type { StatsScope } from '../stats/scope.ts'
import { accepted } from '../tls/accepted.ts'
import { protocolBounds } from '../tls/parameters.ts'
import { secretNeeds } from '../tls/secret-need.ts'
import { certificateField, certificatePem, type SecretSource, validation } from '../tls/secrets.ts'
import { certificateInfo, SessionInfo } from '../tls/tls-info.ts'
import { type AutoNames, certificateNames, isServerName } from './auto-names.ts'

/** TLS to the endpoints of a cluster. */
export interface UpstreamTls {
  /** Its secrets have not come in time, or cannot be used: connections are refused, as by Envoy's NotReadySslSocket, and counted here. */
  readonly notReady: Cell | undefined
  /** `name`: the server that the connection's requests are for, where that counts. */
  options(name?: string): ConnectionOptions
  /** The reason why the peer is not accepted. */
  verify(socket: Socket, name?: string): string | undefined
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
  if (common !== undefined) {
    onlyFields(
      CommonTlsContextSchema,
      common,
      [
        'tls_params',
        'tls_certificates',
        'tls_certificate_sds_secret_configs',
        'validation_context',
        'validation_context_sds_secret_config',
        'combined_validation_context',
        'alpn_protocols',
      ],
      where,
    )
  }
  if (secretNeeds(common, where).some(({ key, dynamic }) => dynamic && secrets.find(key) === undefined)) {
    const notReady = scope.counter('client_ssl_socket_factory.upstream_context_secrets_not_ready')
    return { notReady, options: () => ({}), verify: () => undefined, info: noSession }
  }
  const certificate = certificatePem(common, secrets, where)
  const check = validation(common, secrets, where)
  const options = {
    ...protocolBounds(common?.tlsParams, 'client', `${where}.tls_params`),
    ...(certificate === undefined ? {} : certificate),
    ...(check?.ca === undefined ? {} : { ca: check.ca }),
    ...(check?.crl === undefined ? {} : { crl: check.crl }),
  }
  const certificates = common === undefined ? where : `${where}.${certificateField(common)}`
  const secureContext = accepted(certificates, () => createSecureContext(options))
  // Envoy offers what the cluster speaks unless told otherwise.
  const protocols =
    common !== undefined && common.alpnProtocols.length > 0 ? [...common.alpnProtocols] : http2 ? ['h2'] : []
  let local: CertificateInfo | undefined
  const serverName = (name: string | undefined) =>
    auto?.sni === true && name !== undefined && isServerName(name) ? name : config.sni
  return {
    notReady: undefined,
    options(name) {
      return {
        secureContext,
        servername: serverName(name),
        // Envoy verifies only when told whom to trust, and names only by the configured matchers.
        rejectUnauthorized: check?.ca !== undefined,
        checkServerIdentity: () => undefined,
        ...(protocols.length === 0 ? {} : { ALPNProtocols: protocols }),
      }
    },
    verify(socket, name) {
      const tls = socket as TLSSocket
      if (http2 && tls.alpnProtocol !== 'h2') return 'the upstream does not speak HTTP/2'
      if (check === undefined) return undefined
      const peer = tls.getPeerCertificate()
      if (check.hashes.length > 0) {
        const hash = createHash('sha256').update(peer.raw).digest('hex')
        if (!check.hashes.includes(hash)) return 'certificate hash does not match'
      }
      const names = peer.subjectaltname ?? ''
      if (auto?.san === true && name !== undefined && name !== '')
        return certificateNames(names, name) ? undefined : `the certificate is not for ${name}`
      return check.matchesNames(names) ? undefined : 'no subject alternative name matches'
    },
    info(socket, name) {
      local ??= certificate && certificateInfo(new X509Certificate(certificate.cert[0]))
      return new SessionInfo(socket as TLSSocket, check?.ca !== undefined, local, serverName(name))
    },
  }
}

function noSession(): never {
  throw new Error('a connection without its secrets')
}
