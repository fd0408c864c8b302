import { randomInt } from 'node:crypto'

/** No vowels and nothing that looks like another letter, so that no name spells a word (apimachinery's util/rand). */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789'

/** The five characters at the end of a generated name. */
export function randomSuffix(): string {
  let text = ''
  for (let i = 0; i < 5; i++) text += SAFE[randomInt(SAFE.length)]
  return text
}

/** Of any JSON value, the same for the same content whatever its key order; looks like a pod-template-hash. */
export function contentHash(value: unknown): string {
  let hash = 0x811c9dc5
  const text = canonical(value)
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i)
    hash = Math.imul(hash, 0x01000193) >>> 0
  }
  return [...String(hash)].map((digit) => SAFE[digit.charCodeAt(0) % SAFE.length]).join('')
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(',')}}`
}
