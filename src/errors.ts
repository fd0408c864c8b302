/**
 * The one table of errors that Sluice reports to people. A code never changes its meaning and is never used again.
 *
 * SL1xxx Kubernetes API and resources · SL2xxx control plane and xDS · SL3xxx module supply · SL4xxx Wasm host ·
 * SL5xxx proxy · SL6xxx command line, standalone and pods.
 */

/** Who has to act: the user's configuration, an extension's author, the peer on either side, the machine, or us. */
export type ErrorSource = 'config' | 'extension' | 'downstream' | 'upstream' | 'environment' | 'internal'

export interface ErrorEntry {
  readonly source: ErrorSource
  /** What happened, as a sentence without a full stop; details follow after a colon. */
  readonly title: string
  /** What to do about it. */
  readonly hint: string
}

export const ERRORS = {
  SL6001: {
    source: 'environment',
    title: 'a port is taken',
    hint: 'stop the program that holds it, or choose another with the option that the message names',
  },
  SL6002: {
    source: 'environment',
    title: 'Sluice needs Node 24 and the package that carries it is not installed',
    hint: 'install again without --omit=optional, or run Sluice with a Node 24 of your own',
  },
  SL6003: {
    source: 'config',
    title: 'the kubeconfig cannot be used',
    hint: 'run `sluice up` and then `eval "$(npx sluice env)"`, or set KUBECONFIG to a file of your cluster',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERRORS

export interface ErrorOptionsWithPlace extends ErrorOptions {
  /** Where: a file with line and column, a resource with a field path, a host, an address. */
  readonly where?: string
}

/** An error for people: a stable code, what was wrong, where, and (from the table) what to do. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError'
  readonly code: ErrorCode
  readonly where: string | undefined

  constructor(code: ErrorCode, detail: string, options: ErrorOptionsWithPlace = {}) {
    super(detail === '' ? ERRORS[code].title : `${ERRORS[code].title}: ${detail}`, options)
    this.code = code
    this.where = options.where
  }

  get source(): ErrorSource {
    return ERRORS[this.code].source
  }

  get hint(): string {
    return ERRORS[this.code].hint
  }

  /** One paragraph for a terminal: code, place, message and hint. */
  explain(): string {
    const where = this.where === undefined ? '' : ` (${this.where})`
    return `${this.code}: ${this.message}${where}\n  hint: ${this.hint}`
  }
}

/** The message of anything that was thrown, with the messages of its causes. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause === undefined || error instanceof SluiceError) return error.message
  return `${error.message}: ${messageOf(error.cause)}`
}
