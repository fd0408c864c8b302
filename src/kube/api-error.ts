/** A `metav1.Status` of kind Failure, as the API server sent it. */
export interface StatusFailure {
  message: string
  reason: string
  code: number
  details?: { name?: string; kind?: string; causes?: { reason?: string; message?: string; field?: string }[] }
}

/** An answer of the API server that is not a success. */
export class KubeApiError extends Error {
  override readonly name = 'KubeApiError'
  readonly status: StatusFailure

  constructor(status: StatusFailure) {
    super(status.message)
    this.status = status
  }

  /** From the body of an answer; what is no Status (a proxy's page, say) becomes one. */
  static from(code: number, body: string): KubeApiError {
    try {
      const status = JSON.parse(body)
      if (status.kind === 'Status') return new KubeApiError({ ...status, code })
    } catch {
      // not JSON: told below as it came
    }
    const message = `the server answered ${code}: ${body.slice(0, 200)}`
    return new KubeApiError({ message, reason: 'Unknown', code })
  }

  get notFound(): boolean {
    return this.status.code === 404
  }

  /** The write was based on an old version of the object; read it again and retry. */
  get conflict(): boolean {
    return this.status.code === 409 && this.status.reason === 'Conflict'
  }

  /** The version to watch from is no longer kept; list again. */
  get expired(): boolean {
    return this.status.code === 410
  }
}
