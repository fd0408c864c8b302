/**
 * What an agent tells the control plane about each extension it serves. Envoy's protocol has no word for it: a module that
 * cannot be fetched is replaced by a fallback filter and ACKed (facts of Istio's agent), so the cause would stay in a log.
 *
 * The report travels on the ADS stream itself as a DiscoveryRequest of a type of our own, so that xDS stays the only way between
 * a proxy and the control plane. The states are packed as `google.protobuf.Struct` into `error_detail.details`, the one
 * field of a request that carries free data. Each request holds the state of ALL extensions of that stream and replaces the one
 * before, so a reconnecting agent simply sends it again. There is never a response.
 *
 * An agent sends reports only to a control plane that says it reads them: see `takesExtensionReports`.
 */
import { create, fromJson, type JsonObject, toJson } from '@bufbuild/protobuf'
import { anyPack, anyUnpack, StructSchema } from '@bufbuild/protobuf/wkt'
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DiscoveryRequest,
  DiscoveryRequestSchema,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { type Status, StatusSchema } from '../../gen/google/rpc/status_pb.ts'

const EXTENSION_REPORT_TYPE = 'type.googleapis.com/sluice.v1.ExtensionStatus'

/** `control_plane.identifier` of every response of a control plane that reads extension reports. */
export const CONTROL_PLANE_IDENTIFIER = 'sluice'

/** `ready`: the proxy has taken the module. `failed`: a fallback serves in its place. `fetching`: all that comes before. */
export type ExtensionState = 'fetching' | 'ready' | 'failed'

/** What became of one extension of a stream. */
export interface ExtensionReport {
  /** The name of the ECDS resource. */
  readonly name: string
  /** `version_info` (or `system_version_info`) of the ECDS response that brought it. */
  readonly version: string
  readonly state: ExtensionState
  /** `SLxxxx` when failed; of the last try when still fetching. */
  readonly code?: string
  /** The cause, for people; of the last try when still fetching; a warning when ready. */
  readonly message?: string
  /** `sha256:<hex>` of the module, as soon as it is known. */
  readonly digest?: string
  /** Where the module came from in fact, when a mirror rule or a redirect made that differ from the URL asked for. */
  readonly source?: string
  readonly fromCache?: boolean
  /** `ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION` of the config: tells which edit of the object the report is about. */
  readonly resourceVersion?: string
}

/** The request that reports these states on a state-of-the-world stream. */
export function reportRequest(reports: readonly ExtensionReport[]): DiscoveryRequest {
  return create(DiscoveryRequestSchema, { typeUrl: EXTENSION_REPORT_TYPE, errorDetail: encode(reports) })
}

/** The same for a delta stream. */
export function deltaReportRequest(reports: readonly ExtensionReport[]): DeltaDiscoveryRequest {
  return create(DeltaDiscoveryRequestSchema, { typeUrl: EXTENSION_REPORT_TYPE, errorDetail: encode(reports) })
}

/** Reads a report request; undefined when the request is about anything else. Details that are not reports are left out. */
export function decodeReports(request: DiscoveryRequest | DeltaDiscoveryRequest): ExtensionReport[] | undefined {
  if (request.typeUrl !== EXTENSION_REPORT_TYPE) return undefined
  const reports: ExtensionReport[] = []
  for (const detail of request.errorDetail?.details ?? []) {
    const struct = anyUnpack(detail, StructSchema)
    const report = struct === undefined ? undefined : asReport(toJson(StructSchema, struct) as JsonObject)
    if (report !== undefined) reports.push(report)
  }
  return reports
}

/** Whether the sender of a response reads extension reports; istiod and others do not. */
export function takesExtensionReports(response: { controlPlane?: { identifier: string } | undefined }): boolean {
  return response.controlPlane?.identifier === CONTROL_PLANE_IDENTIFIER
}

function encode(reports: readonly ExtensionReport[]): Status {
  const details = reports.map((report) => {
    const json = Object.fromEntries(Object.entries(report).filter(([, value]) => value !== undefined))
    return anyPack(StructSchema, fromJson(StructSchema, json as JsonObject))
  })
  return create(StatusSchema, { message: 'extension status', details })
}

function asReport(json: JsonObject): ExtensionReport | undefined {
  const { name, version, state } = json
  if (typeof name !== 'string' || typeof version !== 'string') return undefined
  if (state !== 'fetching' && state !== 'ready' && state !== 'failed') return undefined
  const text = (field: string) => (typeof json[field] === 'string' ? { [field]: json[field] } : {})
  return {
    name,
    version,
    state,
    ...text('code'),
    ...text('message'),
    ...text('digest'),
    ...text('source'),
    ...text('resourceVersion'),
    ...(typeof json['fromCache'] === 'boolean' ? { fromCache: json['fromCache'] } : {}),
  }
}
