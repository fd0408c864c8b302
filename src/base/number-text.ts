/** C's `%.<precision>g`. */
export function generalText(value: number, precision: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Object.is(value, -0)) return '-0'
  const [digits, exponent] = value.toExponential(precision - 1).split('e')
  const power = Number(exponent)
  const shortened = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)
  if (power >= -4 && power < precision) return shortened(value.toFixed(Math.min(precision - 1 - power, 100)))
  return `${shortened(digits)}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

/** A double as Envoy writes it in JSON: the shorter of `100` and `1e+02` with as many digits as it takes (C++'s `std::to_chars`). */
export function doubleText(value: number): string {
  // Small whole numbers, which nearly all are, are written the same everywhere.
  if (Number.isInteger(value) && Math.abs(value) < 100_000) return Object.is(value, -0) ? '-0' : String(value)
  if (!Number.isFinite(value)) return generalText(value, 15)
  const [digits, exponent] = value.toExponential().split('e')
  const power = Number(exponent)
  const scientific = `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
  const decimals = digits.replace(/^-?\d\.?/, '').length - power
  if (decimals > 100) return scientific
  const plain = decimals > 0 ? value.toFixed(decimals) : BigInt(value).toString()
  return plain.length <= scientific.length ? plain : scientific
}
