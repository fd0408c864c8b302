import { isIPv4, isIPv6 } from 'node:net'

/** The formats that apiextensions checks (kube-openapi validation/strfmt); others say nothing, int32 and int64 among them. */
const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  'date-time': (text) =>
    /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text)),
  date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)),
  duration: (text) => /^[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)([\d.]|ns|us|µs|μs|ms|s|m|h)*$|^0$/.test(text),
  byte: (text) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text),
  uuid: (text) => /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(text),
  ipv4: isIPv4,
  ipv6: isIPv6,
  cidr: (text) => {
    const [, ip = '', length = ''] = /^(.+)\/(\d{1,3})$/.exec(text) ?? []
    return (isIPv4(ip) && Number(length) <= 32) || (isIPv6(ip) && Number(length) <= 128)
  },
  mac: (text) => /^([0-9a-f]{2}[:-]){5,7}[0-9a-f]{2}$/i.test(text),
  email: (text) => /^[^@\s]+@[^@\s]+$/.test(text),
  hostname: (text) => text.length <= 255 && /^([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,62})\.?)+$/.test(text),
}

export function hasFormat(format: string, text: string): boolean {
  const check = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined
  return check === undefined || check(text)
}
