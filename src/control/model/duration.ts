const UNIT_MS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Milliseconds of a duration as Go writes it (`1h2m`, `1.5s`, `250ms`); undefined for anything else. */
export function durationMs(text: string): number | undefined {
  if (text === '0') return 0
  const parts =
    text.match(/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|h|m|s))+$/) && text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|h|m|s)/g)
  if (!parts) return undefined
  let sum = 0
  for (const [, amount, unit] of parts) sum += Number(amount) * UNIT_MS[unit]
  return sum
}

/** The same as protobuf's JSON wants it: seconds with an `s`. */
export function protoDuration(text: string): string | undefined {
  const ms = durationMs(text)
  return ms === undefined ? undefined : `${Number((ms / 1000).toFixed(9))}s`
}
