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
  readonly listenerName: string
  /** How many internal listeners it has come through; absent: none. */
  readonly internalDepth?: number
  readonly requestedServerName: string
  readonly tls: TlsInfo | undefined
  terminationDetails: string
}

/** The TLS session of a connection; PEM and names as Envoy's attributes give them. */
export interface TlsInfo {
  readonly version: string
  readonly cipher: string
  readonly alpn: string
  readonly sessionId: string
  /** A verified client certificate was given. */
  readonly mtls: boolean
  readonly peer: CertificateInfo | undefined
  readonly local: CertificateInfo | undefined
}

export interface CertificateInfo {
  readonly subject: string
  readonly issuer: string
  readonly uriSans: readonly string[]
  readonly dnsSans: readonly string[]
  readonly serial: string
  /** SHA-256 of the DER, lower-case hex. */
  readonly sha256: string
  readonly pem: string
  readonly validFrom: string
  readonly validTo: string
}
