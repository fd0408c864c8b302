import { type ExtensionReport, type Outcome, type Rejection, TypeUrl } from '../../xds/index.ts'

/** What has become of a resource at a proxy. */
export type DeliveryState = 'pending' | 'accepted' | 'rejected'

/** The same, with the reason. */
export interface Delivery {
  readonly state: DeliveryState
  /** The client's words when rejected. */
  readonly error?: string
}

interface Sent {
  version: string
  state: DeliveryState
  error?: string
}

const PENDING: Delivery = { state: 'pending' }

/** What one proxy has said to what it was sent: per resource, and per listener set. */
export class DeliveryLog {
  readonly #sent = new Map<string, Sent>()
  #reports = new Map<string, ExtensionReport>()

  onPush({ typeUrl, version, names }: Outcome): void {
    for (const name of whole(typeUrl) ? ['*'] : names) this.#sent.set(key(typeUrl, name), { version, state: 'pending' })
  }

  onAck(outcome: Outcome): void {
    this.#answer(outcome, whole(outcome.typeUrl) ? ['*'] : outcome.names, 'accepted')
  }

  onNack(rejection: Rejection): void {
    this.#answer(rejection, whole(rejection.typeUrl) ? ['*'] : rejection.blamed, 'rejected', rejection.error)
  }

  #answer({ typeUrl, version }: Outcome, names: readonly string[], state: DeliveryState, error?: string): void {
    for (const name of names) {
      const sent = this.#sent.get(key(typeUrl, name))
      if (sent === undefined || sent.version !== version) continue
      sent.state = state
      sent.error = error
    }
  }

  /** It could not even be sent. */
  fail(typeUrl: string, name: string, error: string): void {
    this.#sent.set(key(typeUrl, whole(typeUrl) ? '*' : name), { version: '', state: 'rejected', error })
  }

  /** What is no longer sent is no longer remembered: should it come back, it is new. */
  retain(typeUrl: string, names: ReadonlySet<string>): void {
    const prefix = `${typeUrl} `
    for (const known of this.#sent.keys()) {
      if (known.startsWith(prefix) && !names.has(known.slice(prefix.length))) this.#sent.delete(known)
    }
  }

  /** Content changed that has not been asked for yet. */
  expect(typeUrl: string, names: Iterable<string>): void {
    for (const name of names) this.#sent.delete(key(typeUrl, name))
  }

  setReports(reports: readonly ExtensionReport[]): ExtensionReport[] {
    const before = this.#reports
    this.#reports = new Map(reports.map((report) => [report.name, report]))
    return reports.filter(({ name, state, version }) => {
      const known = before.get(name)
      return state === 'failed' && (known?.state !== 'failed' || known.version !== version)
    })
  }

  listeners(): Delivery {
    return this.#sent.get(key(TypeUrl.listener, '*')) ?? PENDING
  }

  extension(name: string): Delivery {
    return this.#sent.get(key(TypeUrl.extension, name)) ?? PENDING
  }

  report(name: string): ExtensionReport | undefined {
    return this.#reports.get(name)
  }

  /** Whether this proxy's agent reports at all; Istio's does not. */
  get reporting(): boolean {
    return this.#reports.size > 0
  }
}

function whole(typeUrl: string): boolean {
  return typeUrl === TypeUrl.listener
}

function key(typeUrl: string, name: string): string {
  return `${typeUrl} ${name}`
}
