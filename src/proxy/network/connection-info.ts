/** What is known about one downstream connection. Addresses are `ip` and `port` apart: most readers want one of them. */
export interface ConnectionInfo {
  /** Unique within the process. */
  readonly id: number
  readonly localAddress: string
  readonly localPort: number
  /** The peer of the socket, or what PROXY protocol said. */
  readonly remoteAddress: string
  readonly remotePort: number
  /** The peer of the socket in any case. */
  readonly directRemoteAddress: string
  readonly directRemotePort: number
  readonly directLocalAddress: string
  readonly directLocalPort: number
  readonly listenerName: string
  /** How many internal listeners it has come through; absent: none. */
  readonly internalDepth?: number
  readonly requestedServerName: string
  readonly tls: TlsInfo | undefined
  terminationDetails: string
  /** What filters of the connection have noted, for its logs. */
  responseFlags: number
}

/** The TLS session of a connection, on either side; PEM and names as Envoy's attributes give them. */
export interface TlsInfo {
  readonly version: string
  readonly cipher: string
  readonly alpn: string
  /** In lower-case hex; '' in TLS 1.3. */
  readonly sessionId: string
  /** The name that was asked for; '': none. */
  readonly serverName: string
  /** A verified client certificate was given; of an upstream's session: its certificate was verified. */
  readonly mtls: boolean
  readonly peer: CertificateInfo | undefined
  readonly local: CertificateInfo | undefined
}

/** A certificate, as access logs, attributes and filters tell of it. */
export interface CertificateInfo {
  readonly subject: string
  readonly issuer: string
  readonly uriSans: readonly string[]
  readonly dnsSans: readonly string[]
  readonly emailSans: readonly string[]
  readonly ipSans: readonly string[]
  readonly serial: string
  /** SHA-256 of the DER, lower-case hex. */
  readonly sha256: string
  /** SHA-1 likewise. */
  readonly sha1: string
  readonly pem: string
  /** With all that stood behind it in the handshake. */
  readonly chainPem: string
  readonly validFrom: string
  readonly validTo: string
}
