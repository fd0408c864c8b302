/** What was wrong with a message, with the status that a downstream gets for it and Envoy's response code details. */
export class CodecError extends Error {
  override readonly name = 'CodecError'
  readonly status: number
  readonly details: string

  constructor(details: string, message: string, status = 400) {
    super(message)
    this.details = details
    this.status = status
  }
}
