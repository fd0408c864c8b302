import { proxy_log } from "./imports"

const CRITICAL: u32 = 5

/** Where a failed assertion or an out-of-bounds access ends: the place in the log, then a trap. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const text = String.UTF8.encode(`abort: ${message ? message : ""} at ${file ? file : ""}:${line}:${column}`)
  proxy_log(CRITICAL, changetype<usize>(text), text.byteLength)
  unreachable()
}
