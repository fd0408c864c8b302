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

/** A double as protobuf writes it in JSON: with 15 digits, or 17 where these are not enough. */
export function doubleText(value: number): string {
  // Small whole numbers, which nearly all are, are written the same everywhere.
  if (value === (value | 0)) return String(value)
  const short = generalText(value, 15)
  return Number(short) === value ? short : generalText(value, 17)
}
