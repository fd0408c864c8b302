/** By gRPC's status, as google/rpc/code.proto maps them and Envoy does (Utility::grpcToHttpStatus). */
const HTTP_STATUS = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401]

/** The status that HTTP has for one of gRPC; for what is none, that of an unknown one. */
export function httpFromGrpc(status: string): number {
  return (/^[0-9]{1,2}$/.test(status) ? HTTP_STATUS[Number(status)] : undefined) ?? 500
}
