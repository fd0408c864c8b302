/** The `grpc-timeout` of a request (gRPC over HTTP/2, Timeout: at most eight digits and a unit), in milliseconds. */
export function grpcTimeout(value: string | undefined): number | undefined {
  const match = value === undefined ? null : /^([0-9]{1,8})([HMSmun])$/.exec(value)
  if (match === null) return undefined
  const unit = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000001 }[match[2]] as number
  return Math.ceil(Number(match[1]) * unit)
}

const UNITS = [
  ['m', 1],
  ['S', 1000],
  ['M', 60_000],
] as const

/** Milliseconds as a `grpc-timeout`, in the smallest unit in which eight digits suffice. */
export function toGrpcTimeout(ms: number): string {
  for (const [unit, length] of UNITS) {
    const count = Math.floor(ms / length)
    if (count < 1e8) return `${count}${unit}`
  }
  return '99999999H'
}
