import { type CelFunc, CelScalar, celFunc } from '@bufbuild/cel'
import { hasFormat } from '../formats.ts'
import { compilePattern } from '../pattern.ts'
import { OPTIONAL_NONE, opaque, opaqueMethod, optionalOf } from './opaque.ts'
import { parseUrl } from './url.ts'

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'

type Check = (text: string) => string | undefined

const matching = (pattern: string, maxLength: number, what: string): Check => {
  return (text) => {
    if (text.length > maxLength) return `must be no more than ${maxLength} bytes`
    return compilePattern(`^(${pattern})$`).test(text)
      ? undefined
      : `${what} (regex used for validation is '${pattern}')`
  }
}

const label = matching(
  LABEL,
  63,
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'",
)
const subdomain = matching(
  SUBDOMAIN,
  253,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumerics, '-' or '.'",
)
const dns1035 = matching('[a-z]([-a-z0-9]*[a-z0-9])?', 63, 'a DNS-1035 label must begin with a letter')
const prefix =
  (check: Check): Check =>
  (text) =>
    check(text.endsWith('-') ? `${text.slice(0, -1)}a` : text)

/** Go's format library (apiserver/pkg/cel/library/format.go): `format.dns1123Label().validate(x)` gives what is wrong, or none. */
const CHECKS: Readonly<Record<string, Check>> = {
  dns1123Label: label,
  dns1123Subdomain: subdomain,
  dns1035Label: dns1035,
  dns1123LabelPrefix: prefix(label),
  dns1123SubdomainPrefix: prefix(subdomain),
  dns1035LabelPrefix: prefix(dns1035),
  labelValue: matching(
    `(${QUALIFIED})?`,
    63,
    'a valid label must be an empty string or consist of alphanumeric characters',
  ),
  qualifiedName: matching(`(${SUBDOMAIN}/)?${QUALIFIED}`, 317, 'name part must consist of alphanumeric characters'),
  uri: (text) => (parseUrl(text) === undefined ? 'invalid URI' : undefined),
  uuid: (text) => (hasFormat('uuid', text) ? undefined : 'does not match the UUID format'),
  byte: (text) => (hasFormat('byte', text) ? undefined : 'invalid base64'),
  date: (text) => (hasFormat('date', text) ? undefined : 'invalid date'),
  datetime: (text) => (hasFormat('date-time', text) ? undefined : 'invalid datetime'),
}

export const FORMAT_LIBRARY: readonly CelFunc[] = [
  ...Object.keys(CHECKS).map((name) =>
    celFunc(`format.${name}`, [], CelScalar.DYN, () => opaque('format', { name }) as never),
  ),
  opaqueMethod(
    'format',
    'validate',
    (get, text) => {
      const wrong = CHECKS[String(get('name'))](String(text))
      return wrong === undefined ? OPTIONAL_NONE : optionalOf([wrong])
    },
    1,
  ),
]
