/** gRPC's own mapping for answers that did not come from a gRPC server (grpc/doc/http-grpc-status-mapping.md). */
const GRPC_STATUS: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
}

/** The gRPC status of an answer that has none. */
export function grpcFromHttp(code: number): number {
  return GRPC_STATUS[code] ?? 2
}
