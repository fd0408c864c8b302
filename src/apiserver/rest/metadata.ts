/** Rules on names, labels and annotations that every kind shares (apimachinery validation). */
import { randomBytes } from 'node:crypto'
import type { Behaviour } from '../kind.ts'
import type { Metadata } from '../object.ts'
import { type FieldError, invalidValue, required } from '../status.ts'

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const NAMES = {
  subdomain: {
    pattern: new RegExp(`^${LABEL}(\\.${LABEL})*$`),
    max: 253,
    rule: `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${LABEL}(\\.${LABEL})*')`,
  },
  label: {
    pattern: new RegExp(`^${LABEL}$`),
    max: 63,
    rule: `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`,
  },
  dns1035: {
    pattern: /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
    max: 63,
    rule: "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
  },
  path: { pattern: /^(?!\.{1,2}$)[^/%]+$/, max: 253, rule: "may not contain '/' or '%', and may not be '.' or '..'" },
} as const

const KEY_NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/
const KEY_RULE =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const VALUE_RULE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
/** TotalAnnotationSizeLimitB: what breaks client-side apply of huge objects. */
const ANNOTATIONS_LIMIT = 256 * 1024

export function validateMetadata(metadata: Metadata, validName: Behaviour['validName']): FieldError[] {
  const errors: FieldError[] = []
  const { pattern, max, rule } = NAMES[validName ?? 'subdomain']
  if (!metadata.name) errors.push(required('metadata.name', 'name or generateName is required'))
  else {
    if (metadata.name.length > max)
      errors.push(invalidValue('metadata.name', metadata.name, `must be no more than ${max} characters`))
    if (!pattern.test(metadata.name)) errors.push(invalidValue('metadata.name', metadata.name, rule))
  }
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (!validKey(key)) errors.push(invalidValue('metadata.labels', key, KEY_RULE))
    if (value.length > 63) errors.push(invalidValue('metadata.labels', value, 'must be no more than 63 characters'))
    else if (!LABEL_VALUE.test(value)) errors.push(invalidValue('metadata.labels', value, VALUE_RULE))
  }
  let total = 0
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    if (!validKey(key.toLowerCase())) errors.push(invalidValue('metadata.annotations', key, KEY_RULE))
    total += key.length + Buffer.byteLength(value)
  }
  if (total > ANNOTATIONS_LIMIT) {
    errors.push({
      field: 'metadata.annotations',
      reason: 'FieldValueTooLong',
      message: `Too long: may not be more than ${ANNOTATIONS_LIMIT} bytes`,
    })
  }
  metadata.ownerReferences?.forEach((owner, i) => {
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (!owner[field])
        errors.push(
          invalidValue(`metadata.ownerReferences[${i}].${field}`, owner[field] ?? '', `${field} must not be empty`),
        )
    }
  })
  metadata.finalizers?.forEach((finalizer, i) => {
    if (!validKey(finalizer)) errors.push(invalidValue(`metadata.finalizers[${i}]`, finalizer, KEY_RULE))
  })
  return errors
}

function validKey(key: string): boolean {
  const slash = key.indexOf('/')
  if (slash < 0) return KEY_NAME.test(key)
  const prefix = key.slice(0, slash)
  return prefix.length <= 253 && NAMES.subdomain.pattern.test(prefix) && KEY_NAME.test(key.slice(slash + 1))
}

/** No vowels, so that no words come out (apimachinery rand.SafeEncodeString). */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

export function generateName(base: string): string {
  const suffix = [...randomBytes(5)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('')
  return base.slice(0, 58) + suffix
}
