/** `2026-11-21T10:22:29.123Z` is Envoy's default; else strftime with Envoy's `%3f`, `%6f`, `%f` and `%s`. Times are UTC. */
export function formatTime(ms: number, format: string): string {
  return format === '' ? isoTime(ms) : written(ms, new Date(ms), format, SPECS)
}

/** The same in the time zone of the process; `2026-11-21T12:22:29.123+0200` is the default. */
export function formatLocalTime(ms: number, format: string): string {
  const date = new Date(ms)
  const minutes = -date.getTimezoneOffset()
  // The fields of UTC are then those of the zone.
  const shifted = new Date(ms + minutes * 60_000)
  return written(ms, shifted, format || '%Y-%m-%dT%H:%M:%S.%3f%z', {
    ...SPECS,
    s: () => SPECS['s'](date),
    z: () => `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}${two(Math.abs(minutes) % 60)}`,
    Z: () => date.toLocaleTimeString('en-US', { timeZoneName: 'short' }).split(' ').at(-1) ?? '',
  })
}

function written(ms: number, date: Date, format: string, specs: typeof SPECS): string {
  return format.replace(/%([EO]?[a-zA-Z%]|[1-9]f)/g, (all, spec: string) => {
    const fraction = /^([1-9])?f$/.exec(spec)
    if (fraction !== null) return nanos(ms).slice(0, Number(fraction[1] ?? 9))
    const write = specs[spec]
    return write === undefined ? all : write(date)
  })
}

/** To the second, of the last time that was asked for. */
let second = Number.NaN
let text = ''
const MILLISECONDS: readonly string[] = Array.from({ length: 1000 }, (_, i) => `${String(i).padStart(3, '0')}Z`)

function isoTime(time: number): string {
  const ms = Math.floor(time)
  const whole = Math.floor(ms / 1000)
  if (whole !== second) {
    text = new Date(whole * 1000).toISOString().slice(0, -4)
    second = whole
  }
  return text + MILLISECONDS[ms - whole * 1000]
}

function nanos(ms: number): string {
  return String(Math.floor((ms - Math.floor(ms / 1000) * 1000) * 1e6)).padStart(9, '0')
}

const two = (n: number) => String(n).padStart(2, '0')
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

const SPECS: Readonly<Record<string, (date: Date) => string>> = {
  Y: (d) => String(d.getUTCFullYear()),
  m: (d) => two(d.getUTCMonth() + 1),
  d: (d) => two(d.getUTCDate()),
  e: (d) => String(d.getUTCDate()).padStart(2, ' '),
  H: (d) => two(d.getUTCHours()),
  I: (d) => two(d.getUTCHours() % 12 || 12),
  p: (d) => (d.getUTCHours() < 12 ? 'AM' : 'PM'),
  M: (d) => two(d.getUTCMinutes()),
  S: (d) => two(d.getUTCSeconds()),
  y: (d) => two(d.getUTCFullYear() % 100),
  a: (d) => DAYS[d.getUTCDay()].slice(0, 3),
  A: (d) => DAYS[d.getUTCDay()],
  b: (d) => MONTHS[d.getUTCMonth()].slice(0, 3),
  B: (d) => MONTHS[d.getUTCMonth()],
  s: (d) => String(Math.floor(d.getTime() / 1000)),
  F: (d) => d.toISOString().slice(0, 10),
  T: (d) => d.toISOString().slice(11, 19),
  Z: () => 'UTC',
  z: () => '+0000',
  '%': () => '%',
}
