import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

const COOKIE = 'session'

/** Who is signed in, kept in a signed cookie. There are no passwords: the sample only needs users to tell apart. */
export class Sessions {
  readonly #secret: string

  constructor(secret: string) {
    this.#secret = secret
  }

  /** The value of a Set-Cookie header. */
  signIn(user: string): string {
    const payload = Buffer.from(JSON.stringify({ user })).toString('base64url')
    return `${COOKIE}=${payload}.${this.#sign(payload)}; Path=/; HttpOnly; SameSite=Lax`
  }

  signOut(): string {
    return `${COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0`
  }

  userOf(headers: IncomingHttpHeaders): string | undefined {
    for (const pair of headers.cookie?.split(';') ?? []) {
      const [name, value = ''] = pair.trim().split('=', 2)
      if (name !== COOKIE) continue
      const [payload, signature = ''] = value.split('.', 2)
      if (!equal(signature, this.#sign(payload))) continue
      return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')).user
    }
    return undefined
  }

  #sign(payload: string): string {
    return createHmac('sha256', this.#secret).update(payload).digest('base64url')
  }
}

function equal(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
