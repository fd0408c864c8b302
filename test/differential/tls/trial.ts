type Json = Readonly<Record<string, unknown>>

/** A generated listener with TLS towards its clients, or a cluster with TLS towards its server, and who connects. */
export interface Trial {
  readonly id: string
  /** Its certificates are those of the catalogue, by name. */
  readonly chains: readonly Json[]
  readonly listenerFilters: readonly Json[]
  /** `undefined`: to a server that speaks plain HTTP. */
  readonly upstream: Upstream | undefined
  readonly connections: readonly Connection[]
}

export interface Upstream {
  /** `UpstreamTlsContext` */
  readonly context: Json
  /** More fields of the cluster. */
  readonly cluster: Json
  readonly server: Peer & { readonly asks: boolean }
  /** What the cluster speaks; the server takes both. */
  readonly http2?: true
}

/** What an OpenSSL on the other side is told. */
export interface Peer {
  /** Its certificate. */
  readonly certificate?: string
  readonly protocols: readonly string[]
  readonly minVersion?: Version
  readonly maxVersion?: Version
  readonly ciphers?: string
  readonly curves?: string
  readonly signatures?: string
}

export type Version = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

export interface Connection {
  /** `undefined`: plain HTTP. */
  readonly tls: (Peer & { readonly serverName?: string }) | undefined
  /** Of its request. */
  readonly host: string
  /** Its `x-forwarded-client-cert`. */
  readonly forwarded?: string
}
