/** One endpoint of a cluster, as streams and filters see it. */
export interface Host {
  /** `ip:port`. */
  readonly address: string
  readonly ip: string
  readonly port: number
  readonly hostname: string
  /** `filter_metadata` of the endpoint by namespace, as JSON. */
  readonly metadata: Readonly<Record<string, unknown>>
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string }
  readonly cluster: ClusterFacts
}

/** What may be asked of a host's cluster. */
export interface ClusterFacts {
  readonly name: string
  /** `alt_stat_name`, else the name. */
  readonly statName: string
  /** What is spoken to its hosts: `HTTP/1.1` or `HTTP/2`; '' where the client's protocol decides. */
  readonly protocol: string
  /** `filter_metadata` of the cluster by namespace, as JSON. */
  readonly metadata: Readonly<Record<string, unknown>>
}
