/** Istio's request metrics (`istio.stats`), as a gateway reports them: labels of istio.io/latest/docs/reference/config/metrics. */
import type { JsonObject } from '@bufbuild/protobuf'
import type { Node } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { Cell, HistogramCell, type Labels } from '../../telemetry/metrics.ts'
import { grpcStatus } from '../http/operators/grpc.ts'
import { responseFlagsText, type StreamInfo } from '../http/stream-info.ts'
import { isGrpc } from '../route/route-match.ts'
import { BOUNDS } from './group.ts'
import type { HistogramSnapshot } from './store.ts'

interface Series {
  readonly labels: Labels
  readonly requests: Cell
  readonly duration: HistogramCell
  readonly requestBytes: HistogramCell
  readonly responseBytes: HistogramCell
}

/** One combination of labels; durations in milliseconds. */
export interface IstioSeries {
  readonly labels: Labels
  readonly requests: number
  readonly duration: HistogramSnapshot
  readonly requestBytes: HistogramSnapshot
  readonly responseBytes: HistogramSnapshot
}

const BYTE_BOUNDS = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]

/** Labels come from requests, so their number must have an end: what goes beyond is counted together. */
const MAX_SERIES = 2000

interface Workload {
  readonly workload: string
  readonly namespace: string
  readonly app: string
  readonly version: string
  readonly service: string
  readonly revision: string
  readonly cluster: string
}

const UNKNOWN = 'unknown'

/** Counts requests by Istio's labels, at most 2000 combinations in a worker: those that come later count together. */
export class IstioReporter {
  readonly #self: Workload
  readonly #series = new Map<string, Series>()

  private constructor(self: Workload) {
    this.#self = self
  }

  /** For nodes that say which workload they are, as every proxy of Istio does. */
  static forNode(node: Node): IstioReporter | undefined {
    const metadata = node.metadata as JsonObject | undefined
    if (metadata === undefined || typeof metadata['NAMESPACE'] !== 'string') return undefined
    const labels = (metadata['LABELS'] ?? {}) as Record<string, unknown>
    const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : UNKNOWN)
    return new IstioReporter({
      workload: text(metadata['WORKLOAD_NAME']),
      namespace: text(metadata['NAMESPACE']),
      app: text(labels['app']),
      version: text(labels['version']),
      service: text(labels['service.istio.io/canonical-name'] ?? labels['app'] ?? metadata['WORKLOAD_NAME']),
      revision: text(labels['service.istio.io/canonical-revision'] ?? labels['version'] ?? 'latest'),
      cluster: text(metadata['CLUSTER_ID'] ?? 'Kubernetes'),
    })
  }

  record(info: StreamInfo): void {
    const series = this.#find(info)
    series.requests.value++
    series.duration.record(info.endMono - info.startMono)
    series.requestBytes.record(info.bytesReceived)
    series.responseBytes.record(info.bytesSent)
  }

  snapshot(): IstioSeries[] {
    return [...this.#series.values()].map(({ labels, requests, duration, requestBytes, responseBytes }) => ({
      labels,
      requests: requests.value,
      duration: copy(duration),
      requestBytes: copy(requestBytes),
      responseBytes: copy(responseBytes),
    }))
  }

  #find(info: StreamInfo): Series {
    const flags = info.responseFlags
    const grpc = info.requestHeaders !== undefined && isGrpc(info.requestHeaders)
    const status = grpc ? (grpcStatus(info) ?? '') : ''
    const host = info.upstreamHost?.address ?? ''
    const key = `${info.responseCode} ${flags} ${info.upstreamCluster} ${host} ${status}`
    let series = this.#series.get(key)
    if (series !== undefined) return series
    const last = this.#series.size >= MAX_SERIES
    if (last) {
      series = this.#series.get('')
      if (series !== undefined) return series
    }
    series = {
      labels: last ? this.#labels(undefined, grpc, status) : this.#labels(info, grpc, status),
      requests: new Cell(),
      duration: new HistogramCell(BOUNDS),
      requestBytes: new HistogramCell(BYTE_BOUNDS),
      responseBytes: new HistogramCell(BYTE_BOUNDS),
    }
    this.#series.set(last ? '' : key, series)
    return series
  }

  #labels(info: StreamInfo | undefined, grpc: boolean, status: string): Labels {
    const self = this.#self
    const peer = destination(info)
    return {
      reporter: 'source',
      source_workload: self.workload,
      source_canonical_service: self.service,
      source_canonical_revision: self.revision,
      source_workload_namespace: self.namespace,
      source_principal: UNKNOWN,
      source_app: self.app,
      source_version: self.version,
      source_cluster: self.cluster,
      destination_workload: peer.workload,
      destination_workload_namespace: peer.workloadNamespace,
      destination_principal: UNKNOWN,
      destination_app: peer.app,
      destination_version: peer.version,
      destination_service: peer.service,
      destination_canonical_service: peer.canonicalService,
      destination_canonical_revision: peer.canonicalRevision,
      destination_service_name: peer.serviceName,
      destination_service_namespace: peer.serviceNamespace,
      destination_cluster: peer.cluster,
      request_protocol: grpc ? 'grpc' : 'http',
      response_code: info === undefined ? UNKNOWN : String(info.responseCode),
      grpc_response_status: status,
      response_flags: info === undefined ? UNKNOWN : responseFlagsText(info.responseFlags),
      connection_security_policy: UNKNOWN,
    }
  }
}

/**
 * Who was asked: the cluster's `istio` metadata names the service, the endpoint's `istio.workload` names the workload as
 * `name;namespace;canonical name;canonical revision;cluster` (Istio's telemetry without metadata exchange).
 */
function destination(info: StreamInfo | undefined) {
  const istio = info?.upstreamHost?.cluster.metadata['istio'] as { services?: unknown } | undefined
  const services = Array.isArray(istio?.services) ? (istio.services as Record<string, unknown>[]) : []
  const service = services[0] ?? {}
  const endpoint = info?.upstreamHost?.metadata['istio'] as { workload?: unknown } | undefined
  const parts = typeof endpoint?.workload === 'string' ? endpoint.workload.split(';') : []
  const [, , , hostOfCluster] = (info?.upstreamCluster ?? '').split('|')
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : UNKNOWN)
  const host = text(service['host'] ?? hostOfCluster)
  return {
    workload: text(parts[0]),
    workloadNamespace: text(parts[1]),
    canonicalService: text(parts[2]),
    canonicalRevision: text(parts[3]),
    app: text(parts[2]),
    version: text(parts[3]),
    cluster: text(parts[4]),
    service: host,
    serviceName: text(service['name'] ?? (host === UNKNOWN ? '' : host.split('.')[0])),
    serviceNamespace: text(service['namespace'] ?? (host === UNKNOWN ? '' : host.split('.')[1])),
  }
}

function copy({ bounds, counts, sum, count }: HistogramCell): HistogramSnapshot {
  return { bounds, counts: counts.slice(), sum, count }
}
