/** `%DOWNSTREAM_TLS_…%`, `%UPSTREAM_PEER_…%` and the like: the TLS session of either side, and its certificates. */
import type { CertificateInfo, TlsInfo } from '../../network/connection-info.ts'
import { formatTime } from '../format-time.ts'
import type { StreamInfo } from '../stream-info.ts'
import { type Operator, text } from './operator.ts'

const downstream = (info: StreamInfo) => info.connection.tls
const upstream = (info: StreamInfo) => info.upstreamConnection?.tls

type Side = (info: StreamInfo) => TlsInfo | undefined

function session(side: Side, read: (tls: TlsInfo) => string): Operator {
  return (info) => {
    const tls = side(info)
    return tls && text(read(tls))
  }
}

function certificate(whose: 'peer' | 'local') {
  return (side: Side, read: (certificate: CertificateInfo) => string): Operator =>
    (info) => {
      const found = side(info)?.[whose]
      return found && text(read(found))
    }
}

const peer = certificate('peer')
const local = certificate('local')

const uri = (c: CertificateInfo) => c.uriSans.join(',')
const dns = (c: CertificateInfo) => c.dnsSans.join(',')
const ip = (c: CertificateInfo) => c.ipSans.join(',')
const email = (c: CertificateInfo) => c.emailSans.join(',')

/** Envoy has fewer of these for upstreams. */
export const TLS_OPERATORS: Readonly<Record<string, Operator>> = {
  DOWNSTREAM_TLS_VERSION: session(downstream, (tls) => tls.version),
  DOWNSTREAM_TLS_CIPHER: session(downstream, (tls) => tls.cipher),
  DOWNSTREAM_TLS_SESSION_ID: session(downstream, (tls) => tls.sessionId),
  DOWNSTREAM_PEER_SUBJECT: peer(downstream, (c) => c.subject),
  DOWNSTREAM_PEER_ISSUER: peer(downstream, (c) => c.issuer),
  DOWNSTREAM_PEER_URI_SAN: peer(downstream, uri),
  DOWNSTREAM_PEER_DNS_SAN: peer(downstream, dns),
  DOWNSTREAM_PEER_IP_SAN: peer(downstream, ip),
  DOWNSTREAM_PEER_EMAIL_SAN: peer(downstream, email),
  DOWNSTREAM_PEER_SERIAL: peer(downstream, (c) => c.serial),
  DOWNSTREAM_PEER_FINGERPRINT_256: peer(downstream, (c) => c.sha256),
  DOWNSTREAM_PEER_FINGERPRINT_1: peer(downstream, (c) => c.sha1),
  DOWNSTREAM_PEER_CERT: peer(downstream, (c) => encodeURIComponent(c.pem)),
  DOWNSTREAM_LOCAL_SUBJECT: local(downstream, (c) => c.subject),
  DOWNSTREAM_LOCAL_URI_SAN: local(downstream, uri),
  DOWNSTREAM_LOCAL_DNS_SAN: local(downstream, dns),
  DOWNSTREAM_LOCAL_IP_SAN: local(downstream, ip),
  DOWNSTREAM_LOCAL_EMAIL_SAN: local(downstream, email),
  UPSTREAM_TLS_VERSION: session(upstream, (tls) => tls.version),
  UPSTREAM_TLS_CIPHER: session(upstream, (tls) => tls.cipher),
  UPSTREAM_TLS_SESSION_ID: session(upstream, (tls) => tls.sessionId),
  UPSTREAM_SERVER_NAME: session(upstream, (tls) => tls.serverName),
  UPSTREAM_PEER_SUBJECT: peer(upstream, (c) => c.subject),
  UPSTREAM_PEER_ISSUER: peer(upstream, (c) => c.issuer),
  UPSTREAM_PEER_URI_SAN: peer(upstream, uri),
  UPSTREAM_PEER_DNS_SAN: peer(upstream, dns),
  UPSTREAM_PEER_IP_SAN: peer(upstream, ip),
  UPSTREAM_PEER_CERT: peer(upstream, (c) => encodeURIComponent(c.pem)),
  UPSTREAM_LOCAL_URI_SAN: local(upstream, uri),
  UPSTREAM_LOCAL_DNS_SAN: local(upstream, dns),
  UPSTREAM_LOCAL_IP_SAN: local(upstream, ip),
}

/** `%DOWNSTREAM_PEER_CERT_V_START(format)%` and its kin; undefined: none of them. */
export function validityOperator(name: string, format: string): Operator | undefined {
  const parts = /^(DOWN|UP)STREAM_PEER_CERT_V_(START|END)$/.exec(name)
  if (parts === null) return undefined
  const side = parts[1] === 'UP' ? upstream : downstream
  return parts[2] === 'START'
    ? peer(side, (c) => formatTime(Date.parse(c.validFrom), format))
    : peer(side, (c) => formatTime(Date.parse(c.validTo), format))
}
