import { timingSafeEqual } from 'node:crypto'
import { sha256Hex } from '../digest.ts'
import { RegistryError } from './errors.ts'

/** Who may use the registry. Without it anybody may; it listens on the loopback address unless told otherwise. */
export interface RegistryAuth {
  /** User name -> password (HTTP Basic). */
  readonly users: Readonly<Record<string, string>>
  /** Lets anybody read, so that only writers need credentials. */
  readonly anonymousPull?: boolean
}

/** Throws what the registry must answer unless the request may go on. */
export function checkAccess(auth: RegistryAuth | undefined, method: string, header: string | undefined): void {
  if (auth === undefined) return
  const reads = method === 'GET' || method === 'HEAD'
  if (header === undefined && reads && auth.anonymousPull) return
  const basic = /^basic (.*)$/i.exec(header ?? '')
  if (basic !== null) {
    const text = Buffer.from(basic[1], 'base64').toString()
    const colon = text.indexOf(':')
    const user = text.slice(0, colon)
    const password = Object.hasOwn(auth.users, user) ? auth.users[user] : undefined
    if (colon >= 0 && password !== undefined && sameText(password, text.slice(colon + 1))) return
  }
  throw new RegistryError(401, 'UNAUTHORIZED', 'authentication required')
}

/** Hashing first makes the lengths equal, so that the comparison tells nothing by its time. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(sha256Hex(a)), Buffer.from(sha256Hex(b)))
}
