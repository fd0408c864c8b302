const NANOS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
}

/** Go's time.ParseDuration. Throws on anything else. */
export function parseDuration(text: string): { seconds: bigint; nanos: number } {
  const whole = /^([+-]?)((?:[\d.]+(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text)
  if (whole === null) throw new Error(`time: invalid duration ${JSON.stringify(text)}`)
  let total = 0n
  for (const [, number, unit] of whole[2].matchAll(/([\d.]+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const parts = /^(\d*)(?:\.(\d*))?$/.exec(number)
    if (parts === null || number === '.') throw new Error(`time: invalid duration ${JSON.stringify(text)}`)
    const [, integer, fraction = ''] = parts
    total += BigInt(integer || 0) * NANOS[unit]
    total += (BigInt(fraction.slice(0, 18) || 0) * NANOS[unit]) / 10n ** BigInt(Math.min(fraction.length, 18))
  }
  if (whole[1] === '-') total = -total
  return { seconds: total / 1_000_000_000n, nanos: Number(total % 1_000_000_000n) }
}
