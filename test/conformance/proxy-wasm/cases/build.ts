import type { Case, Exchange, Expected } from '../case.ts'

/** Lines of a program, written as one template string. */
export function program(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('\n')
}

/** A case in which one callback of a plain request runs a few statements; `log` holds what they print. */
export function inRequestHeaders(
  id: string,
  source: string,
  statements: string,
  log: readonly Expected[],
  more: Partial<Case> = {},
): Case {
  return { id, source, config: program(`[request_headers]\n${statements}`), log, ...more }
}

/** The same in the response headers callback. */
export function inResponseHeaders(
  id: string,
  source: string,
  statements: string,
  log: readonly Expected[],
  more: Partial<Case> = {},
): Case {
  return { id, source, config: program(`[response_headers]\n${statements}`), log, ...more }
}

export function post(body: string | readonly string[], more: Exchange = {}): Exchange {
  return { ...more, request: { method: 'POST', body, ...more.request } }
}
